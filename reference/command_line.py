"""What the commands of this package share: how numbers are read, progress is shown and errors are said."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

from tqdm import tqdm


def stop(code: int, line: str) -> int:
    """Say on standard error, in one line, why the command ends; returns its exit code."""
    print(line, file=sys.stderr)
    return code


def progress(total: int, what: str, unit: str, initial: int = 0) -> tqdm[NoReturn]:
    """Return a bar with the time left on a terminal, and nothing elsewhere.

    Args:
        total: units of the whole work.
        what: the work, in one word.
        unit: of the work.
        initial: units that were done before, in a run that is being resumed.
    """
    return tqdm(total=total, desc=what, unit=unit, initial=initial, disable=None, dynamic_ncols=True)


def at_least(least: int) -> Callable[[str], int]:
    """Return a reader of whole numbers from `least` on, for `argparse`."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if number < least:
            raise argparse.ArgumentTypeError(f"{text} is less than {least}")
        return number

    return parse


def between_zero_and(most: float) -> Callable[[str], float]:
    """Return a reader of numbers from 0 to `most`, for `argparse`."""

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
        if not 0 <= number <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between 0 and {most}")
        return number

    return parse
