"""Run the corpus: `python -m tests.submissions [ID ...]`, where an id may be a beginning such as C or C03.

With `--as-user UID`, for root, all of it runs as that ordinary user. With `--forked` every worker enters its
sandbox from a fork server; with `--side-by-side` several workers of a submission are asked at a time. Exit
code: 0 all as expected, 1 not, 2 wrong ids.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tests.temporary import lie_in_memory

from .corpus import CorpusError, choose, corpus
from .ground import laid_out
from .run import started
from .table import mark, table

_WAYS = {"forked": "fork all workers", "side_by_side": "ask several workers of a submission at a time"}


def main() -> int:
    """Run the chosen cases and print the table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.submissions", description=__doc__)
    parser.add_argument("ids", nargs="*", metavar="ID", help="the beginning of a case's id (default: all)")
    parser.add_argument("--as-user", type=int, metavar="UID", help="give root up first")
    ways = parser.add_mutually_exclusive_group()
    for way, what in _WAYS.items():
        ways.add_argument(
            f"--{way.replace('_', '-')}",
            dest="way",
            action="store_const",
            const=way,
            default="usual",
            help=what,
        )
    options = parser.parse_args()
    if options.as_user is not None:
        _become(options.as_user)
    try:
        cases = choose(corpus(), options.ids)
    except CorpusError as error:
        sys.stderr.write(f"corpus: {error}\n")
        return 2
    lie_in_memory()
    with laid_out() as ground, started(cases, ground, options.way) as running:
        results = [running[case.id].result() for case in cases]
    sys.stdout.write(table(results) + "\n")
    return int(any("WRONG" in mark(result) for result in results))


def _become(uid: int) -> None:
    """Give root up for good; files go to temporary folders, which any user has."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.environ["HOME"] = "/nonexistent"
    os.chdir(Path(__file__).parents[2])


if __name__ == "__main__":
    sys.exit(main())
