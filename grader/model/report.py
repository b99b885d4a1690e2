"""The report as a typed value. Its JSON form is described by `report.schema.json` beside this file.

`python -m grader.model.report` writes that file anew.

It is what the student gets: it holds no hidden image, no file name of the split, and no answer
to a single image. Everything that differs between two gradings of the same thing is in `run`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from grader.model.verdict import Verdict

SCHEMA_VERSION = "5"
"""Of what is written and read; one more for every field that is added, lost or renamed."""
Family = Literal["colour", "scale", "crop", "orientation", "detail"]
Sound = Literal["weights", "mode", "readout"]
"""What else is known to be right: the network has the weights that were handed in, is in evaluation mode, and
its highest score is the answer."""
Link = Literal["preprocessing", "network", "labels"]
"""The links of a program, in their order: what happens to a photo, the network, what names its answer."""
SCHEMA = Path(__file__).with_name("report.schema.json")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class IntervalPart(_Part):
    """A confidence interval of the accuracy."""

    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)
    level: float = Field(description="Confidence level, 0..1.")
    method: Literal["wilson"] = "wilson"


class BoundaryPart(_Part):
    """A boundary between two grades."""

    points: float
    images: int = Field(
        description="How many more images must be right to reach it; how many fewer would do, if negative."
    )


class ScorePart(_Part):
    """The score: top-1 accuracy over all images, answered or not."""

    correct: int = Field(ge=0)
    total: int = Field(gt=0)
    accuracy: float = Field(ge=0, le=1, description="correct / total")
    points: float = Field(description="By the assignment's rule; by default 100 * correct / total.")
    points_full: float = Field(description="Points for all images right.")
    interval: IntervalPart
    boundaries: tuple[BoundaryPart, ...] = Field(description="Of the assignment, in its order.")
    unanswered: int = Field(ge=0, description="Images without any answer; they count as wrong.")

    @property
    def is_measured(self) -> bool:
        """Whether anything was answered; if not, the interval says nothing about the network."""
        return self.unanswered < self.total


class ClassPart(_Part):
    """One class's row."""

    index: int
    folder: str
    name: str
    zh: str
    correct: int
    total: int
    accuracy: float | None = Field(description="None if the split has no image of this class.")
    mistaken_for: str | None = Field(description="The class most often answered instead.")


class BinPart(_Part):
    """One bin's row."""

    name: str
    zh: str
    classes: tuple[int, ...] = Field(description="Indices of the classes that belong into it.")
    total: int = Field(description="Images of these classes.")
    correct: int = Field(description="Of these, answered with their class.")
    right_bin: int = Field(description="Of these, answered with a class of this bin.")


class MistakePart(_Part):
    """Images of one class that were taken for one other."""

    truth: int = Field(description="Class index.")
    said: int = Field(description="Class index.")
    count: int


class BinsPart(_Part):
    """The bins that the classes belong into: where a mistake matters to those who collect them."""

    right_bin: int = Field(description="Images whose answer belongs into the right bin.")
    accuracy: float = Field(ge=0, le=1, description="right_bin / total of the score")
    per_bin: tuple[BinPart, ...]
    mistakes: tuple[MistakePart, ...] = Field(
        description="Those that put a thing into a wrong bin, the most frequent first."
    )


class ConfusionPart(_Part):
    """The confusion matrix."""

    labels: tuple[str, ...] = Field(description="Class names, in index order.")
    matrix: tuple[tuple[int, ...], ...] = Field(
        description="Row = true class, column = answered class; one more column for no valid answer."
    )


class FindingPart(_Part):
    """Something the report has to say: what is the matter, why, and what to do."""

    code: str
    severity: Literal["error", "warning", "note"]
    title: str
    rationale: str
    help: str
    title_zh: str
    rationale_zh: str
    help_zh: str
    images: int | None = Field(
        default=None, description="How many images it concerns; None where no number of them says that."
    )
    about: tuple[str, ...] = Field(
        default=(), description="Names to group a class's findings by: the packages that are missing."
    )


class IsolationPart(_Part):
    """The sandbox that the submission ran in."""

    rung: Literal["bubblewrap", "process", "child", "none"]
    description: str
    description_zh: str


class EnginePart(_Part):
    """What computed the answers."""

    frameworks: dict[str, str] = Field(
        description="Inference libraries loaded at the first answer, with versions."
    )
    instruction_set: str | None = Field(
        description="The widest vector instructions that oneDNN was allowed, on a processor that has them; "
        "null if that is not known."
    )
    threads: int


class ReplayPart(_Part):
    """A part of the split, asked again of a fresh process; decides neither verdict nor score."""

    status: Literal["done", "incomplete", "failed", "off"] = Field(
        description="incomplete: not everything was answered; off: not asked for, or the main pass was "
        "itself incomplete."
    )
    repeated: int = Field(description="Images asked again as they are, in another order.")
    differed: int = Field(description="Of these, how many got another answer than in the main pass.")
    altered: int = Field(description="Images answered right of which a slightly altered copy was asked.")
    lost: int = Field(description="Of these, how many were answered wrong.")
    controls: int = Field(description="Images answered wrong of which such a copy was asked.")
    gained: int = Field(description="Of these, how many were answered right.")
    unanswered: int = Field(description="Images and copies that got no answer.")
    chance: float = Field(
        ge=0,
        le=1,
        description="Probability that a network loses so many which loses 5 % of them, as many more as "
        "differed, and as many more as it gains elsewhere; exact binomial. Below 0.0001 it is a finding.",
    )


class ChecksPart(_Part):
    """What official grading does beside asking every image."""

    canary: Literal["passed", "skipped", "not-needed"] = Field(
        description="Whether this harness was tried first on two submissions whose outcome is known. "
        "Not needed for a self-check, or where no code was run."
    )
    replay: ReplayPart
    diagnosis: Literal["done", "nothing-to-explain", "incomplete", "failed", "off"] = Field(
        description="Whether the cause of wrong answers was looked for; what was found is a finding. "
        "incomplete: time was over before everything had been tried. "
        "nothing-to-explain: too few wrong answers, or images, to tell a cause from chance."
    )


class PicturePart(_Part):
    """A small picture, made by the grader."""

    type: Literal["png", "jpeg"]
    data: str = Field(max_length=40_000, pattern=r"^[A-Za-z0-9+/]+=*$", description="In base64.")
    width: int = Field(gt=0, description="Pixels.")
    height: int = Field(gt=0)


class PhotoPart(_Part):
    """An image that students have, as it was handed over and as it arrived at the network."""

    given: PicturePart
    seen: PicturePart | None = Field(description="None if what arrived is no picture.")


class DifferencePart(_Part):
    """One step in which a preprocessing is not the lab's."""

    step: str
    code: str
    text: str
    text_zh: str
    cost: Literal["proved", "none", "unknown"] = Field(
        description="proved: putting the step right gains images, more than chance explains. "
        "none: no loss was found from it. unknown: it could not be put right, or not by itself."
    )


class PreprocessingPart(_Part):
    """How photos arrive at a network, in numbers."""

    axes: str = Field(description="The axes of the tensor in order, such as NCHW.")
    height: int
    width: int
    dtype: str
    matrix: tuple[tuple[float, ...], ...] | None = Field(
        description="A row a channel: what is added for full red, green and blue. None where that is not so."
    )
    offset: tuple[float, ...] | None = Field(description="What a channel is for black.")


class PathsPart(_Part):
    """How many answers are right on four paths through a program; None where that was not measured."""

    images: int = Field(ge=0, description="How many were asked.")
    as_handed_in: int | None = None
    right_input: int | None = Field(
        default=None, description="With what differs as in the lab, the fewest steps that do as well as any."
    )
    right_network: int | None = Field(
        default=None,
        description="With the parameters that were handed in, in evaluation mode, where that is better.",
    )
    right_readout: int | None = Field(
        default=None, description="With the class of the network's highest score, by the assignment's list."
    )
    both: int | None = Field(
        default=None, description="With the lab's steps before it, and that list after it."
    )


class NetworkInputPart(_Part):
    """What arrives at the network of a submission, seen on pictures of the grader's own.

    It comes of a process that was asked about nothing else; of the hidden images there are counts alone.
    """

    card: PicturePart = Field(description="The orientation card, as it was handed over.")
    right: PicturePart = Field(description="As the lab's preprocessing gives it to a network.")
    seen: PicturePart | None = Field(description="As this network was given it; None if that is no picture.")
    seen_again: PicturePart | None = Field(
        description="The same, asked once more; None unless the network is given something else each time."
    )
    photos: tuple[PhotoPart, ...] = Field(description="In a self-check alone: images of the student's own.")
    is_stretched: bool = Field(
        description="Whether the numbers were stretched to be seen: the lab's scale gives no picture of them."
    )
    differences: tuple[DifferencePart, ...] = Field(description="The grossest first.")
    excluded: tuple[Family, ...] = Field(description="What arrives as in the lab.")
    sound: tuple[Sound, ...] = Field(description="What is right in the network and after it.")
    found: PreprocessingPart
    lab: PreprocessingPart
    paths: PathsPart
    broken: Link | None = Field(description="The link in which points are lost, where that is proved.")


class FilePart(_Part):
    """One submitted file."""

    path: str
    size: int = Field(description="Bytes.")
    sha256: str
    is_checkpoint: bool


class SubmissionPart(_Part):
    """What was graded."""

    name: str
    sha256: str | None = Field(description="Over all paths and contents; None if it could not be taken in.")
    size: int = Field(description="Bytes.")
    files: tuple[FilePart, ...]
    notes: tuple[str, ...]


class SplitPart(_Part):
    """What it was graded on."""

    sha256: str
    images: int
    classes: int
    is_demo: bool = Field(description="The drawn demo set; decides nobody's mark.")


class AssignmentPart(_Part):
    """By which rules."""

    title: str
    title_zh: str
    sha256: str
    channel_order: Literal["bgr", "rgb"]


class HarnessPart(_Part):
    """What graded, and the environment that the submission ran in."""

    version: str
    source_sha256: str = Field(description="Over the grader's and the course library's files.")
    python: str
    libraries: dict[str, str] = Field(description="Versions of those that are installed.")


class StopPart(_Part):
    """Where a run was stopped: the first time of each kind."""

    verdict: Verdict
    phase: str
    image: int | None = Field(description="How many images had been asked, this one included.")
    detail: str


class RunPart(_Part):
    """Everything that may differ between two gradings of the same submission."""

    started: str = Field(description="UTC, ISO 8601.")
    host: str
    import_seconds: float | None
    first_prediction_seconds: float | None
    other_predictions_seconds: float
    median_prediction_ms: float | None = Field(description="Of all predictions but the first.")
    total_seconds: float
    replay_seconds: float | None = Field(description="Of the replay, which is not in the total; None if off.")
    diagnosis_seconds: float | None = Field(description="Of the diagnosis; None if off.")
    charts_seconds: float | None = Field(
        default=None, description="Of these, what asking about test charts took; None if it was not done."
    )
    peak_memory_mib: int
    stops: tuple[StopPart, ...]


class Report(_Part):
    """The outcome of one grading."""

    schema_version: Literal["5"] = "5"
    identity: str = Field(description="Over submission, split, assignment, mode and harness.")
    mode: Literal["official", "self-check"]
    verdict: Verdict
    score: ScorePart | None = Field(description="None only if the harness itself failed.")
    per_class: tuple[ClassPart, ...]
    bins: BinsPart | None = Field(description="None where the classes have no bins, or one for all.")
    confusion: ConfusionPart
    findings: tuple[FindingPart, ...]
    isolation: IsolationPart
    network_input: NetworkInputPart | None = Field(
        description="None where the diagnosis did not look, or saw no picture arrive at a network."
    )
    checks: ChecksPart
    engine: EnginePart | None = Field(description="None if no prediction was made.")
    submission: SubmissionPart
    split: SplitPart
    assignment: AssignmentPart
    harness: HarnessPart
    run: RunPart


def schema_text() -> str:
    """Return the JSON Schema of `report.json`, as the file has it."""
    schema = Report.model_json_schema(mode="serialization")
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema_text(), encoding="utf-8")
