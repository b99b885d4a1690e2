"""Many identities are graded with answers that are remembered; nothing else about a grading may be changed."""

import numpy as np
import pytest

from grader.model.assignment import load_assignment
from grader.model.dataset import split_of
from grader.model.grading import Checks, Exam
from grader.report import build_report
from grader.run.frames import encode_question
from grader.sandbox import PlainProcess
from grader.session import Session
from tests.submissions.mistakes.identities import HAND_INS, first_of, told
from tests.submissions.mistakes.same_answers import NOT_THE_PROGRAM, Memory, question_of

PROGRAM = """
import numpy as np
NAMES = {names!r}


def predict(image):
    return NAMES[{index} % len(NAMES)]
"""
HONEST = "int(image.mean())"
BY_CHANCE = "np.random.default_rng().integers(len(NAMES))"


@pytest.fixture(scope="module")
def session(split):
    assignment = load_assignment()
    few = split_of(split.images[::4], ())
    exam = Exam(few, assignment, "self-check", Checks(canary=False, replay=False))
    return Session(exam, PlainProcess())


@pytest.fixture
def grade(session, tmp_path):
    """Grade a program under a student's number."""

    def graded(number, index=HONEST):
        folder = tmp_path / f"student-{number}"
        folder.mkdir(exist_ok=True)
        names = [info.name for info in load_assignment().classes]
        (folder / "main.py").write_text(PROGRAM.format(names=names, index=index), encoding="utf-8")
        (folder / NOT_THE_PROGRAM).write_text(f"{number}\n", encoding="utf-8")
        grading = session.grade(folder, name="student")
        assert not grading.trace
        return build_report(grading)

    return graded


def test_a_report_of_remembered_answers_is_that_of_real_ones(grade):
    memory = Memory()
    with memory.in_place_of_workers():
        one = grade(1)
        asked = memory.asked
        two = grade(2)
    really = grade(3)
    assert asked > really.split.images  # the diagnosis asked, too
    assert memory.asked == asked
    assert told(one) == told(two) == told(really)
    assert first_of(one) == first_of(really)
    assert len({one.identity, two.identity, really.identity}) == 3
    assert (one.checks, one.engine.frameworks) == (really.checks, really.engine.frameworks)


def test_another_program_is_asked_for_itself(grade):
    memory = Memory()
    with memory.in_place_of_workers():
        one = grade(1)
        asked = memory.asked
        other = grade(2, "0")
    assert memory.asked > asked
    assert one.score.correct != other.score.correct


def test_a_question_is_known_whatever_its_number_and_no_other_is():
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    digest, number = question_of(encode_question(7, image))
    assert number == 7
    assert question_of(encode_question(8, image)) == (digest, 8)
    others = [
        encode_question(7, image[::-1]),
        encode_question(7, image.reshape(2, 8, 3)),
        encode_question(7, image, task={"recipes": []}),
    ]
    assert len({digest, *(question_of(data)[0] for data in others)}) == 4


def test_the_same_question_to_one_worker_twice_may_have_two_answers(grade):
    memory = Memory()
    with memory.in_place_of_workers():
        grade(1, BY_CHANCE)
        asked = memory.asked
        repeated = [key for key in memory.frames if key[-1] == 2]
        grade(2, BY_CHANCE)
    assert repeated  # one of the test charts is
    assert memory.asked >= asked


def test_the_hand_ins_are_programs_that_differ():
    assert len(HAND_INS) >= 6
    sources = [planted.source(["one", "two"]) for planted in HAND_INS]
    for source in sources:
        compile(source, "main.py", "exec")
    assert len({*sources}) == len(HAND_INS)
