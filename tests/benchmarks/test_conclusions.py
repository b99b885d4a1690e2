from pathlib import Path

import pytest

from benchmarks.grading import assignment_of, say_difference
from benchmarks.inference import compare_answers
from benchmarks.measure import WHOLE_PROCESS, Run, Runs, Subject
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
