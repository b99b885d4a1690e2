"""Plain frozen values, which all rooms share: a job, predictions, findings, a report."""
