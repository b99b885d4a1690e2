"""Progress on a terminal: the runs of a benchmark, and below them the run that is going on."""

from __future__ import annotations

from typing import NoReturn

from tqdm import tqdm

from reference.command_line import progress


class Bars:
    """Two bars, the upper for all runs, the lower with the time that is left of this one.

    Args:
        name: of the benchmark.
        runs: how many there will be.
    """

    def __init__(self, name: str, runs: int) -> None:
        self._runs = progress(runs, name, "run")
        self._run: tqdm[NoReturn] | None = None

    def begin(self, name: str) -> None:
        """A run of this program begins."""
        self._runs.set_postfix_str(name)

    def advance(self, done: int, total: int) -> None:
        """The run has done some of its units of work."""
        if self._run is None:
            self._run = tqdm(total=total, desc="this run", position=1, leave=False, disable=None)
        self._run.update(done - self._run.n)

    def end(self) -> None:
        """The run is over."""
        if self._run is not None:
            self._run.close()
            self._run = None
        self._runs.update()

    def close(self) -> None:
        """All runs are over."""
        self._runs.close()
