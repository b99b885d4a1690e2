"""What is being done, for whoever waits.

A grading tells a `Progress` which phase begins and how far it is. The commands show that: on a terminal in
one line that is written over, in a log in a line of its own every ten seconds.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Literal, Protocol, TextIO

from grader.errors import Language
from grader.printable import cut, one_line, shown
from grader.system import clear_line
from grader.wording import words

Phase = Literal["intake", "canary", "import", "predict", "replay", "diagnosis", "report", "elsewhere"]
_LOG_SECONDS, _TERMINAL_SECONDS = 10.0, 0.5
_SECONDS_A_MINUTE = 60
_MOST_NAMED, _LONGEST_NAME = 4, 30

Clock = Callable[[], float]


class Progress(Protocol):
    """Called with what a grading does now."""

    def __call__(self, phase: Phase, done: int = 0, total: int = 0, /) -> None:
        """Note that a phase has begun, or that so much of it is done; 0 where nothing can be counted."""


def silent(_phase: Phase, _done: int = 0, _total: int = 0, /) -> None:
    """Tell nobody."""


class Watched:
    """Where one grading is: written by the thread that grades, read by the one that shows."""

    def __init__(self, language: Language = "en", clock: Clock = time.monotonic) -> None:
        self._language: Language = language
        self._clock = clock
        self._now: tuple[Phase, int, int] = ("intake", 0, 0)
        self._first: tuple[int, float] = (0, clock())

    def __call__(self, phase: Phase, done: int = 0, total: int = 0, /) -> None:
        """Note what is done; the first count of a phase is where its pace is measured from."""
        if phase != self._now[0]:
            self._first = (done, self._clock())
        self._now = (phase, done, total)

    def words(self) -> str:
        """Say what is being done, and for how long still where that can be estimated."""
        phase, done, total = self._now
        first, began = self._first
        said = words(self._language, f"progress-{phase}", done=done, total=total)
        return said + _left(self._clock() - began, done - first, total - done, self._language)


class WatchedClass:
    """Where the gradings of a class are, several at a time."""

    def __init__(self, total: int, language: Language = "en", clock: Clock = time.monotonic) -> None:
        self._total = total
        self._language: Language = language
        self._clock = clock
        self._began = clock()
        self._under_way: dict[str, Watched] = {}
        self._counts: Counter[str] = Counter()
        self._graded = 0
        self._closing = False

    def begin(self, name: str) -> Progress:
        """Return what a grading that begins is to tell."""
        watched = self._under_way[name] = Watched(self._language, self._clock)
        return watched

    def end(self, name: str, verdict: str) -> None:
        """Count one that has its verdict; one whose earlier result holds says nothing of the pace."""
        self._graded += self._under_way.pop(name, None) is not None
        self._counts[verdict] += 1

    def close(self) -> None:
        """All have theirs: what is left is the class's pages."""
        self._closing = True

    def words(self) -> str:
        """Say how many have which verdict, what the others are at, and how long it will take still."""
        if self._closing:
            return words(self._language, "progress-class-pages")
        done = self._counts.total()
        said = words(self._language, "progress-class", done=done, total=self._total)
        say, is_english = partial(words, self._language), self._language == "en"
        verdicts = say("list").join(
            say("batch-counted", count=count, verdict=verdict if is_english else say(f"verdict-{verdict}"))
            for verdict, count in sorted(self._counts.items())
        )
        counted = say("in-brackets", what=verdicts) if verdicts else ""
        left = _left(self._clock() - self._began, self._graded, self._total - done, self._language)
        # A copy: other threads begin and end meanwhile.
        under_way = list(self._under_way.items())[:_MOST_NAMED]
        named = [shown(name, _LONGEST_NAME) + say("colon") + each.words() for name, each in under_way]
        return say("semicolon").join([said + counted + left, *named])


@contextmanager
def showing(
    said: Callable[[], str], stream: TextIO | None = None, clock: Clock = time.monotonic
) -> Iterator[None]:
    """Show what `said` returns for as long as the block takes.

    Args:
        said: asked whenever a line is due.
        stream: None for standard error.
        clock: in seconds.
    """
    display = Display(said, stream or sys.stderr, clock)
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(display.seconds):
            display.show()

    thread = threading.Thread(target=go_on, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        display.clear()


class Display:
    """One line on a terminal, or lines of a log."""

    def __init__(self, said: Callable[[], str], stream: TextIO, clock: Clock) -> None:
        self._said = said
        self._stream = stream
        self._clock = clock
        self._began = clock()
        self._is_terminal = stream.isatty()
        self.seconds = _TERMINAL_SECONDS if self._is_terminal else _LOG_SECONDS
        """From one line to the next."""

    def show(self) -> None:
        """Write a line: how long it has taken so far, and what is being done."""
        minutes, seconds = divmod(int(self._clock() - self._began), _SECONDS_A_MINUTE)
        line = one_line(f"[{minutes:02d}:{seconds:02d}] {self._said()}")
        if self._is_terminal:
            width = shutil.get_terminal_size().columns - 1
            self._write(clear_line(width) + cut(line, width))
        else:
            self._write(f"{line}\n")

    def clear(self) -> None:
        """Leave a terminal as it was."""
        if self._is_terminal:
            self._write(clear_line(shutil.get_terminal_size().columns - 1))

    def _write(self, text: str) -> None:
        # Who listens no more is no reason to stop; and a locale may lack a name's characters.
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


def _left(seconds: float, done: int, left: int, language: Language) -> str:
    """Say how long the rest takes at the pace so far; nothing before there is a pace."""
    if done <= 0 or left <= 0:
        return ""
    expected = round(seconds / done * left)
    if expected < 2 * _SECONDS_A_MINUTE:
        return words(language, "progress-seconds-left", seconds=max(1, expected))
    return words(language, "progress-minutes-left", minutes=round(expected / _SECONDS_A_MINUTE))
