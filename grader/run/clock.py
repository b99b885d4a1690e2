"""The clock by which a submission's deadlines run: it stands still while nobody looks.

The grader can be held up: another thread of it keeps the interpreter, the machine is short of processor
time, somebody stops it for a while. What a submission did meanwhile was not seen, and an answer of its was
not taken. So time is counted from one look to the next. Of a stretch that took much longer than usual only
so much counts, and what the grader's own thread worked in it: a submission that makes each look long gains
nothing by it. The limit on a submission's processor time stands beside the deadlines.
"""

from __future__ import annotations

import time
from collections.abc import Callable

LONGEST_STRETCH_SECONDS = 0.25
"""From one look to the next at most; five times as long as usual."""


class AttentiveClock:
    """Seconds in which the grader was there; each look at it is one at the submission."""

    def __init__(
        self,
        wall: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        """Begin at 0.

        Args:
            wall: seconds that pass for everybody.
            worked: processor seconds of this thread.
        """
        self._wall, self._worked = wall, worked
        self._seen = wall(), worked()
        self._seconds = 0.0

    def now(self) -> float:
        """Return the seconds that count so far."""
        seen = self._wall(), self._worked()
        passed, worked = (after - before for after, before in zip(seen, self._seen, strict=True))
        self._seconds += min(passed, LONGEST_STRETCH_SECONDS + max(0.0, worked))
        self._seen = seen
        return self._seconds
