"""What stops the fine-tune through no fault of its own."""


class InputError(Exception):
    """The user's input does not do: the message is one line that says what and where."""


class DivergedError(Exception):
    """The loss is not a number any more: the message names epoch and step."""
