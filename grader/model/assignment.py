"""The assignment: which classes, what `predict` receives, and what a submission may use.

Read from a TOML file; `assignments/garbage26.toml` is the commented example and the default.
"""

from __future__ import annotations

import sys
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from grader.errors import ContentError, Line, LineError, UsageError, line, lines
from grader.files import digest_of_json
from grader.model.dataset import ClassInfo, load_classes, parse_classes
from grader.model.labels import SUFFIX, classes_of, read_labels, with_labels

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

BUILT_IN = Path(__file__).parent / "assignments"
DEFAULT = BUILT_IN / "garbage26.toml"

MIB = 1024 * 1024
_LABELS = "labels"
"""The key that names a `label.txt`; what it says becomes part of the classes."""
_LIMITS = ("gt", "ge", "lt", "le", "min_length", "expected")
"""What pydantic calls the bounds of a value, and the choice of values."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _int_as_float(value: object) -> object:
    """TOML writes 60 where 60.0 is meant; strict mode would refuse it."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _list_as_tuple(value: object) -> object:
    """TOML has only arrays; strict mode would refuse them for tuples."""
    return tuple(value) if isinstance(value, list) else value


_PositiveNumber = Annotated[PositiveFloat, BeforeValidator(_int_as_float)]


class Limits(_Section):
    """What one submission may use. Every limit binds the submission's processes together."""

    import_seconds: _PositiveNumber = 60.0
    """From the start of the process until `main.py` is imported."""
    first_prediction_seconds: _PositiveNumber = 60.0
    """The first call of `predict`, which may compile a graph."""
    image_seconds: _PositiveNumber = 5.0
    """Each later call of `predict`."""
    total_seconds: _PositiveNumber = 300.0
    """Everything together."""
    processor_seconds: _PositiveNumber = 600.0
    """Processor time of all processes of the submission; generous, for a machine that is slow today."""
    memory_mib: PositiveInt = 4096
    """Memory of all processes of the submission: resident or swapped out, and what the kernel
    keeps for them: page tables, sockets, mappings, descriptors and locks."""
    scratch_mib: PositiveInt = 512
    """What it may write to disk; thrown away afterwards."""
    output_kib: PositiveInt = 1024
    """Standard output and standard error together."""
    processes: PositiveInt = 64
    """Processes and threads alive at one time."""
    open_files: PositiveInt = 1024
    """File descriptors of one process."""
    threads: PositiveInt = 1
    """Threads of numerical libraries, and cores to run on; fixed, because the number of threads decides the
    last bits of a sum."""
    submission_mib: PositiveInt = 1024
    """Size of a submission, unpacked."""
    submission_files: PositiveInt = 5000
    """Number of files in a submission."""


_Share = Annotated[float, BeforeValidator(_int_as_float), Field(ge=0, le=1)]
_Number = Annotated[float, BeforeValidator(_int_as_float), Field(ge=0, allow_inf_nan=False)]
_Mark = Annotated[tuple[_Share, _Number], BeforeValidator(_list_as_tuple)]
"""An accuracy, and the points for it."""
_Marks = Annotated[tuple[_Mark, ...], BeforeValidator(_list_as_tuple)]


class Points(_Section):
    """How points follow from accuracy, rounded to `decimals`.

    `full * correct / total`; or, where one is given, by `curve` or `table`.
    """

    full: _PositiveNumber = 100.0
    """What all points are called; a curve or table may go beyond: extra credit."""
    decimals: Annotated[int, Field(ge=0, le=6)] = 2
    curve: _Marks = ()
    """Straight lines between these; level before the first and after the last."""
    table: _Marks = ()
    """The points of the highest accuracy that is reached; none below the first."""
    boundaries: Annotated[tuple[_PositiveNumber, ...], BeforeValidator(_list_as_tuple)] = ()
    """Points at which a grade changes; the report says how many images away each is. They decide no score."""
    wrong_class: _Share = 1.0
    """What a mistake costs, in images, whose answer belongs into the right bin all the same."""
    wrong_bin: Annotated[float, BeforeValidator(_int_as_float), Field(ge=0, le=10)] = 1.0
    """What any other mistake costs, in images: a thing in a wrong bin, or no valid answer."""

    @model_validator(mode="after")
    def _is_one_rising_rule(self) -> Points:
        if self.wrong_class > self.wrong_bin:
            raise ContentError("points-bins")
        if self.curve and self.table:
            raise ContentError("points-two-rules")
        marks = self.curve or self.table
        if any(later[0] <= earlier[0] for earlier, later in pairwise(marks)):
            raise ContentError("points-accuracies")
        if any(later[1] < earlier[1] for earlier, later in pairwise(marks)):
            raise ContentError("points-fall")
        most = round(marks[-1][1] if marks else self.full, self.decimals)
        if any(boundary > most for boundary in self.boundaries):
            raise ContentError("points-boundary", most=most)
        return self


class Late(_Section):
    """What being late costs. It is taken off in the gradebook; a report always has the whole points."""

    percent_per_day: Annotated[float, BeforeValidator(_int_as_float), Field(ge=0, le=100)] = 0.0
    """Of the points reached, for every day begun."""
    free_days: _Number = 0.0
    """Days that cost nothing."""
    most_percent: Annotated[float, BeforeValidator(_int_as_float), Field(ge=0, le=100)] = 100.0
    """It never costs more."""


class Attempts(_Section):
    """How often a student may hand in."""

    most: PositiveInt | None = None
    """Submissions that a batch grades for one student; None for any number."""


class Splits(_Section):
    """Where the images are, relative to the assignment file; the drawn demo set if not given."""

    hidden: str | None = None
    """The split that official grading asks about."""
    public: str | None = None
    """The split that `--self-check` asks about."""


class Assignment(_Section):
    """One lab as the grader sees it."""

    title: str = Field(min_length=1)
    title_zh: str = ""
    """What Chinese pages say in its place; empty for the same."""
    channel_order: Literal["bgr", "rgb"] = "bgr"
    """Order of the image's last axis as `predict` receives it."""
    classes: tuple[ClassInfo, ...]
    """Index order is sorted folder order."""
    limits: Limits = Limits()
    points: Points = Points()
    late: Late = Late()
    attempts: Attempts = Attempts()
    usual: _Share | None = None
    """The accuracy that a network trained to the end usually has on the hidden images; None if unknown."""
    splits: Splits = Splits()

    @model_validator(mode="after")
    def _has_bins_to_weigh(self) -> Assignment:
        is_weighed = (self.points.wrong_class, self.points.wrong_bin) != (1.0, 1.0)
        if is_weighed and not all(info.group or info.group_zh for info in self.classes):
            raise ContentError("points-no-bins")
        return self

    def for_our_own(self, seconds: float) -> Assignment:
        """Return the rules for a program of ours: the same, but for one long time for whatever it does."""
        return self.with_limits(
            **{name: seconds for name in Limits.model_fields if name.endswith("_seconds")}
        )

    def with_limits(self, **limits: float) -> Assignment:
        """Return the same rules with other limits."""
        return self.model_copy(update={"limits": self.limits.model_copy(update=limits)})

    @cached_property
    def sha256(self) -> str:
        """Digest over everything that can change a report.

        Not over where the split lies, nor over what is done with the points afterwards.
        """
        return digest_of_json(self.model_dump(mode="json", exclude={"splits", "late", "attempts"}))


def load_assignment(path: Path | None = None) -> Assignment:
    """Read and check an assignment file; the built-in garbage lab if `path` is None.

    Raises:
        UsageError: naming the key and the reason.
    """
    path = DEFAULT if path is None else path
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError("assignment-unread", path=path, reason=error) from error
    except UnicodeDecodeError as error:
        raise UsageError("not-utf8", path=path) from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError("not-toml", path=path, reason=error) from error
    try:
        return Assignment.model_validate(
            {
                **{key: value for key, value in table.items() if key != _LABELS},
                "classes": _labelled(_classes(table, path), table, path),
                "splits": _splits(table, path.parent),
            }
        )
    except ValidationError as error:
        raise UsageError("assignment-invalid", path=path, reason=_first_problem(error)) from error
    except ValueError as error:
        raise UsageError("assignment-classes", path=path, reason=error) from error


def _classes(table: dict[str, Any], file: Path) -> tuple[ClassInfo, ...]:
    """Take the classes from the file itself (`[[classes]]`) or from the class list it names."""
    classes = table.get("classes")
    if isinstance(classes, str):
        try:
            if classes.lower().endswith(SUFFIX):
                return parse_classes(classes_of(read_labels(file.parent / classes)))
            return load_classes(file.parent / classes)
        except OSError as error:
            raise UsageError(
                "assignment-classes", path=file, reason=line("class-list", name=classes, reason=error)
            ) from error
    if not isinstance(classes, list):
        raise UsageError("assignment-classes", path=file, reason=line("class-tables"))
    return parse_classes(classes)


def _labelled(classes: tuple[ClassInfo, ...], table: dict[str, Any], file: Path) -> tuple[ClassInfo, ...]:
    """Take Chinese names and bins from the `label.txt` that the file names, if it does."""
    if (name := table.get(_LABELS)) is None:
        return classes
    try:
        return with_labels(classes, read_labels(file.parent / str(name)))
    except (OSError, ValueError) as error:
        reason = line("class-list", name=str(name), reason=error)
        raise UsageError("assignment-classes", path=file, reason=reason) from error


def _splits(table: dict[str, Any], folder: Path) -> object:
    """Make the splits' paths absolute: they are relative to the file that names them."""
    splits = table.get("splits", {})
    if not isinstance(splits, dict):
        return splits
    return {key: str(folder / value) if isinstance(value, str) else value for key, value in splits.items()}


def _first_problem(error: ValidationError) -> Line:
    problem, others = error.errors()[0], len(error.errors()) - 1
    # A whole section says nothing more; pydantic gives the section, too, where a key is missing.
    is_shown = problem["type"] != "missing" and not isinstance(problem["input"], dict)
    return line(
        "assignment-key",
        key=".".join(str(part) for part in problem["loc"]) or line("whole-file"),
        reason=_reason(problem),
        value=line("assignment-got", value=problem["input"]) if is_shown else "",
        more=line("assignment-more", count=others) if others else "",
    )


def _reason(problem: ErrorDetails) -> Line | str:
    """Return what is the matter with a value: what a rule of ours says, or else pydantic."""
    context = problem.get("ctx", {})
    if isinstance(ours := context.get("error"), LineError):
        return ours.line
    code = f"value-{problem['type']}"
    limits = {name: limit for name, limit in context.items() if name in _LIMITS}
    return line(code, **limits) if code in lines() else problem["msg"].removeprefix("Input ")
