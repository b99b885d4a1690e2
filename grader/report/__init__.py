"""The report: one typed model, and small pure functions that render it."""
