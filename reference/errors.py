"""What stops a command, in one line; `command_line.EXIT_CODES` says which code each ends with."""


class InputError(Exception):
    """The user's input does not do: the message is one line that says what and where."""


class DivergedError(Exception):
    """The loss is not a number any more: the message names epoch and step."""


class NotSolvedError(Exception):
    """The solver stopped before it was near the optimum; the message says why."""


class SubmissionError(Exception):
    """The submission does not answer as training says; not the user's fault."""
