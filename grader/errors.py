"""Errors that end a grading before it has a verdict; each is one line for a person."""


class UsageError(Exception):
    """What the caller gave cannot be used: a path, a split, a setting. Exit code 2.

    The message says what is wrong and what to do about it.
    """


class HarnessError(Exception):
    """This machine or the harness itself cannot grade now. Exit code 3, never a score.

    Raised, for example, when official grading finds no working sandbox.
    """
