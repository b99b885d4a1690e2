"""What ends a training that began well."""


class DivergedError(Exception):
    """The loss is not a number any more: the message names epoch and step."""
