"""What the commands of this package share: how numbers are read, progress is shown and errors are said."""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NoReturn

from tqdm import tqdm

from reference.errors import (
    DivergedError,
    ExportError,
    InputError,
    NotSolvedError,
    SourceError,
    SubmissionError,
    WeightsError,
)

FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130  # exit codes; the last as shells have it for Ctrl-C
EXIT_CODES: dict[type[Exception], int] = {
    InputError: WRONG_INPUT,
    WeightsError: WRONG_INPUT,
    SourceError: FAILED,
    DivergedError: FAILED,
    NotSolvedError: FAILED,
    SubmissionError: FAILED,
    ExportError: FAILED,
}


def run_command(work: Callable[[], object]) -> int:
    """Do a command's work and return its exit code; what stopped it is said in one line.

    An exception that is not in `EXIT_CODES`, nor an OSError or Ctrl-C, is a fault of ours and goes through.
    """
    try:
        work()
    except tuple(EXIT_CODES) as error:
        code = next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind))
        return stop(code, f"error: {error}")
    except OSError as error:
        return stop(FAILED, disk_line(error))
    except KeyboardInterrupt:
        return stop(INTERRUPTED, "interrupted")
    return 0


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


@contextmanager
def interruptible(tidy: Callable[[], object] = lambda: None, hint: str = "") -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the command in the body with one line and exit code 130.

    Until MindSpore is loaded they raise KeyboardInterrupt, as everywhere. From then on they end the process
    at once: MindSpore has a handler of its own that turns SIGINT into SIGTERM, answers an exception in the
    middle of its compiler with pages of log, and a thread of it that is still starting aborts a Python that
    shuts down. Nothing is lost by it, for whatever these commands write is whole at any moment.

    Args:
        tidy: called before the process ends at once; what a `finally` would otherwise have done.
        hint: how to go on, for the line that is said then.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in earlier:
        signal.signal(number, partial(_end, tidy, hint))
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _end(tidy: Callable[[], object], hint: str, *_: object) -> None:
    if "mindspore" not in sys.modules:
        raise KeyboardInterrupt
    tidy()
    # Not print(): the signal may come in the middle of one.
    line = f"interrupted; {hint}\n" if hint else "interrupted\n"
    os.write(2, (b"\n" if sys.stderr.isatty() else b"") + line.encode())
    os._exit(INTERRUPTED)


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
        number = _number(text)
        if not 0 <= number <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between 0 and {most}")
        return number

    return parse


def positive_number(text: str) -> float:
    """Read a finite number above 0, for `argparse`."""
    number = _number(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a finite number above 0")
    return number


def not_negative_number(text: str) -> float:
    """Read a finite number from 0 on, for `argparse`."""
    number = _number(text)
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a finite number from 0 on")
    return number


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def true_or_false(text: str) -> bool:
    """Read `True` or `False`, for `argparse`; `type=bool` would take every word for true, "False" too."""
    if text.lower() not in {"true", "false"}:
        raise argparse.ArgumentTypeError(f"{text!r} is neither True nor False")
    return text.lower() == "true"


def disk_line(error: OSError) -> str:
    """Return the one line for a file that could not be written."""
    what = f"cannot write {error.filename}" if error.filename else "cannot write"
    return f"error: {what}: {error.strerror or error}"
