"""Hostile and broken submissions, each with the verdict that it must get."""
