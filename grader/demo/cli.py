"""The command line of the demo set.

Exit codes: 0 drawn or already there, 2 refused (one line says why), 130 stopped by Ctrl-C.
"""

import argparse
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import cv2

from grader.demo.generate import DemoError, Plan, write_demo, write_sheet

REFUSED = 2
STOPPED = 130

_WORTH_PROCESSES = 200  # images; fewer are drawn sooner than processes start


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw what the command line asks for; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.out is None and options.sheet is None:
            raise DemoError("nothing to do; give --out DIR, --sheet FILE.png or both")
        plan = Plan(options.seed, options.train, options.val)
        plan.check()
        if options.out is not None:
            _draw_set(options.out, plan, options.jobs)
        if options.sheet is not None:
            drawn = write_sheet(options.sheet, seed=plan.seed)
            print(f"{options.sheet}: contact sheet {'drawn' if drawn else 'already there'}")
    except DemoError as error:
        print(f"error: {error}", file=sys.stderr)
        return REFUSED
    except BrokenProcessPool:
        print("error: a drawing process died; try again with --jobs 1", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("stopped; nothing was written", file=sys.stderr)
        return STOPPED
    return 0


def _parser() -> argparse.ArgumentParser:
    plan = Plan()
    parser = argparse.ArgumentParser(
        prog="python -m datasets.demo",
        description="Draw a small set of the 26 garbage classes, to try things out without the real photos.",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="new or empty folder for train/ and val/")
    parser.add_argument("--sheet", type=Path, metavar="FILE.png", help="also draw a labelled contact sheet")
    parser.add_argument("--seed", type=int, default=plan.seed, help="of the whole set (default %(default)s)")
    parser.add_argument(
        "--train", type=int, default=plan.train, help="training images a class (default %(default)s)"
    )
    parser.add_argument(
        "--val", type=int, default=plan.val, help="validation images a class (default %(default)s)"
    )
    parser.add_argument(
        "--jobs", type=int, default=_cores(), help="processes to draw with (default: one a core)"
    )
    return parser


def _draw_set(out: Path, plan: Plan, jobs: int) -> None:
    """Draw the set with as many processes as are worth it, and say so."""
    began = time.perf_counter()
    if jobs > 1 and plan.count() >= _WORTH_PROCESSES:
        # Spawned, not forked: a fork of a process that runs threads can hang.
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_prepare_worker)
        try:
            drawn = write_demo(out, seed=plan.seed, train=plan.train, val=plan.val, pool=pool, progress=True)
        finally:
            pool.shutdown(cancel_futures=True)
    else:
        drawn = write_demo(out, seed=plan.seed, train=plan.train, val=plan.val, progress=True)
    what = f"{plan.count()} images of 26 classes"
    if drawn:
        print(f"{out}: {what} drawn in {time.perf_counter() - began:.1f} s")
    else:
        print(f"{out}: {what} already there")


def _prepare_worker() -> None:
    """One thread a process, and Ctrl-C is the parent's business."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
