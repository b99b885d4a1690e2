"""What stops a command, in one line; `command_line.EXIT_CODES` says which code each ends with."""


class InputError(Exception):
    """The user's input does not do: the message is one line that says what and where."""


class WeightsError(Exception):
    """A file of weights is not what it should be: damaged, not these weights, or holding code."""


class SourceError(Exception):
    """The pretrained weights could not be had: no network, no such address, no pip, no room on the disk."""


class DivergedError(Exception):
    """The loss is not a number any more: the message names epoch and step."""


class NotSolvedError(Exception):
    """The solver stopped before it was near the optimum; the message says why."""


class ExportError(Exception):
    """An exported file could not be written, or does not answer as the live network does."""


class SubmissionError(Exception):
    """The submission does not answer as training says; not the user's fault."""
