"""What the attacks on the recorded worker do there: in the reports of the corpus only its traces are to be seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grader.diagnosis import RECORDER
from grader.diagnosis.charts import CHARTS
from grader.diagnosis.colours import MEAN, STD
from grader.intake import take_in
from grader.model.assignment import load_assignment
from grader.model.records import Question, Recording
from grader.run import record
from grader.sandbox import Namespaces

from .corpus import Case, choose, corpus
from .ground import Ground, assignment_text
from .run import hand_in

_RECORDED = [case for case in corpus() if case.recorded]


def recording_of(case: Case, ground: Ground, folder: Path, *more: Question) -> Recording:
    """Ask a case as the diagnosis does first: about the test charts, in a worker that is recorded."""
    (folder / "workspace").mkdir()
    rules_file = folder / "assignment.toml"
    rules_file.write_text(assignment_text(case.limits), encoding="utf-8")
    rules = load_assignment(rules_file)
    submission = take_in(hand_in(case, ground, folder), folder / "workspace", rules.limits)
    sandbox = Namespaces().sandbox(submission, folder / "workspace", rules.limits)
    questions = [*more, *(Question(chart.pixels) for chart in CHARTS)]
    return record(sandbox.recorded(RECORDER).launch, questions, rules)


@pytest.mark.parametrize("case", _RECORDED, ids=[case.id for case in _RECORDED])
def test_an_attack_on_the_recorded_worker_does_there_what_it_is_for(
    case: Case, ground: Ground, tmp_path: Path
) -> None:
    recording = recording_of(case, ground, tmp_path)
    came = "answers" if recording.stop is None else recording.stop.verdict.value
    assert case.recorded == ("not ready" if recording.not_ready else came)


def test_every_row_about_the_recorded_worker_says_what_it_does_there() -> None:
    assert {case.id for case in corpus() if case.row.startswith("F")} == {case.id for case in _RECORDED}


def test_what_was_seen_of_hidden_images_would_be_shown_if_one_worker_saw_both(
    ground: Ground, tmp_path: Path
) -> None:
    """Why the charts have a worker of their own: F07 keeps what it sees, and marks it with a colour."""
    (case,) = choose(corpus(), ["F07_shows"])
    hidden = Question(np.zeros((12, 9, 3), np.uint8))
    recording = recording_of(case, ground, tmp_path, hidden)
    card = next(answer for answer in recording.answers[1:] if answer is not None)
    given = card.records[0].input
    assert given is not None and given.values is not None
    pixels = (given.values[0, :, 0, 0] * STD + MEAN) * 255
    assert pixels.round().tolist() == list(case.never_shows or ())
