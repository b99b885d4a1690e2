"""Mistakes planted in a right submission: the diagnosis must name each of them first."""
