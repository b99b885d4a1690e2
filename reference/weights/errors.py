"""What can go wrong on the way to pretrained weights; the text of each is one line for the user."""


class WeightsError(Exception):
    """The file is not what it should be: damaged, not these weights, or holding code."""


class SourceError(Exception):
    """The file could not be had: no network, no such address, no pip, no room on the disk."""
