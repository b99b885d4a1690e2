import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import grading
from benchmarks.computing import compare_answers
from benchmarks.grading import ASSIGNMENTS, assignment_of, say_difference
from benchmarks.grading_programs import WAYS
from benchmarks.measure import WHOLE_PROCESS, Run, Runs, Samples, Subject, parse
from benchmarks.plan import environment, python
from datasets.classes import FLOWERS5, GARBAGE26, load_classes
from reference.errors import InputError


def runs(answers: tuple[str, ...] = (), seconds: tuple[float, ...] = ()) -> Runs:
    return Runs(Subject("a", (), {}, Path()), (Run({WHOLE_PROCESS: seconds}, answers),))


def test_programs_that_agree_are_said_to() -> None:
    conclusion = compare_answers([runs(("a", "b")), runs(("a", "b"))])
    assert conclusion.notes == ("Answers of 2 programs compared on 2 images: 0 differ.",)
    assert not conclusion.failed


def test_an_image_with_two_different_answers_counts_once_and_is_a_failure() -> None:
    conclusion = compare_answers([runs(("a", "b")), runs(("a", "c")), runs(("x", "c")), runs()])
    assert conclusion.notes == ("Answers of 3 programs compared on 2 images: 2 differ.",)
    assert conclusion.failed


def test_one_program_alone_agrees_with_nobody() -> None:
    assert compare_answers([runs(("a",)), runs()]).failed


@pytest.mark.parametrize(
    ("classes", "name"),
    [(GARBAGE26, "garbage26.toml"), (FLOWERS5, "flowers5.toml")],
    ids=["garbage", "flowers"],
)
def test_a_known_set_is_graded_by_its_assignment(classes: Path, name: str) -> None:
    assert assignment_of([info.folder for info in load_classes(classes)]).name == name


def test_a_set_of_no_assignment_cannot_be_graded() -> None:
    with pytest.raises(InputError, match="these 2 classes; choose others with --only"):
        assignment_of(["cats", "dogs"])


def test_the_graders_own_time_is_the_difference_of_the_medians() -> None:
    conclusion = say_difference([runs(seconds=(3.0, 2.0, 9.0)), runs(seconds=(3.5,))])
    assert conclusion.notes == ("The grader's median is 0.5 s above the bare loop's.",)
    assert say_difference([runs(), runs(seconds=(1.0,))]).notes == ()


def asked(name: str, *seconds: float) -> Runs:
    samples = [{grading.MINDSPORE: [value], grading.NUMPY: [value]} for value in seconds]
    return Runs(Subject(name, (), {}, Path()), tuple(Run(sample, ("a",)) for sample in samples))


def test_what_the_sandbox_costs_is_compared_turn_by_turn() -> None:
    # A turn in which everything is slow says as much as the others.
    bare, inside = asked("bare", 1.0, 9.0, 1.0), asked("sandbox", 1.04, 9.04, 1.9)
    conclusion = grading.say_cost([bare, inside])
    assert "40 ms (4 %)" in conclusion.notes[0]
    assert "within" in conclusion.notes[0]
    assert not conclusion.failed
    assert "beyond" in grading.say_cost([bare, asked("sandbox", 2.0, 10.0, 2.0)]).notes[1]
    assert grading.say_cost([asked("bare"), asked("sandbox")]).failed


def test_the_submission_without_a_network_answers_alike_inside_and_outside(tmp_path: Path) -> None:
    classes = load_classes(FLOWERS5)
    for info in classes:
        (tmp_path / "split" / info.folder).mkdir(parents=True)
        image = np.full((80, 90, 3), len(info.folder) * 7, np.uint8)
        cv2.imwrite(str(tmp_path / "split" / info.folder / "1.png"), image)
    grading.write_numpy(tmp_path / grading.NUMPY, [info.name for info in classes])
    told = []
    for way in WAYS:
        command = python(
            "benchmarks.grading_programs",
            *("ask", way, "--assignment", ASSIGNMENTS / "flowers5.toml", "--split", tmp_path / "split"),
            tmp_path / grading.NUMPY,
        )
        done = subprocess.run(
            command, env=environment(capped=True, engine=True), capture_output=True, text=True, check=True
        )
        told.append([parse(line) for line in done.stdout.splitlines()])
    assert all(isinstance(samples, Samples) and samples.samples[0] > 0 for samples, _ in told)
    assert told[0][1] == told[1][1] == told[2][1]
