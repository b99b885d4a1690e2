"""What is said to whoever waits, without waiting: the clock is the test's."""

import io
import threading

import pytest

from grader.model.grading import Exam
from grader.progress import Display, Watched, WatchedClass, showing
from grader.session import Session


class Clock:
    """Stands until it is told to go on."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock():
    return Clock()


def test_a_grading_tells_its_phases_in_order_and_every_image(write_submission, split, assignment):
    heard = []
    Session(Exam(split, assignment)).grade(
        write_submission(), progress=lambda phase, done=0, total=0: heard.append((phase, done, total))
    )
    asked = [("predict", number, 12) for number in range(1, 13)]
    others = [("intake", 0, 0), ("canary", 0, 0), ("import", 0, 0), ("replay", 0, 0), ("diagnosis", 0, 0)]
    assert heard == [*others[:3], *asked, *others[3:]]


def test_the_time_left_is_told_once_there_is_a_pace(clock):
    watched = Watched(clock=clock)
    assert watched.words() == "intake"
    clock.now = 40
    watched("predict", 1, 130)
    assert watched.words() == "predict 1 of 130"
    clock.now = 50
    watched("predict", 11, 130)
    assert watched.words() == "predict 11 of 130, about 119 s left"
    watched("predict", 2, 1300)
    assert watched.words().endswith("about 216 min left")
    watched("diagnosis")
    assert watched.words().startswith("looking for the cause")
    assert "left" not in watched.words()


def test_a_student_is_told_in_chinese(clock):
    watched = Watched("zh", clock)
    watched("predict", 1, 130)
    clock.now = 1
    watched("predict", 3, 130)
    assert watched.words() == "预测：第 3 张，共 130 张，约剩 64 秒"


def test_a_class_tells_verdicts_what_is_under_way_and_the_time_left(clock):
    watched = WatchedClass(6, clock=clock)
    watched.end("kept", "GRADED")
    assert watched.words() == "1 of 6 submissions (1 GRADED)"
    watched.begin("li")
    watched.begin("wang")("replay")
    clock.now = 60
    watched.end("li", "CRASH")
    assert watched.words() == (
        "2 of 6 submissions (1 CRASH, 1 GRADED), about 4 min left; wang: asking some images again"
    )
    watched.close()
    assert "pages" in watched.words()


def test_an_instructor_is_told_in_chinese(clock):
    watched = WatchedClass(6, "zh", clock)
    watched.begin("wang")("replay")
    watched.end("kept", "GRADED")
    assert watched.words() == "已完成 1 份，共 6 份（评测完成 1 份）；wang：再次询问部分图像"


def test_a_class_names_few_and_no_long_names(clock):
    watched = WatchedClass(600, clock=clock)
    for number in range(600):
        watched.begin(f"{number}" + "x" * 60_000)
    assert len(watched.words()) < 300


def test_a_log_gets_whole_lines_every_ten_seconds(clock):
    log = io.StringIO()
    display = Display(lambda: "replay\x1b[2J", log, clock)
    assert display.seconds == 10
    clock.now = 75
    display.show()
    display.clear()
    assert log.getvalue() == "[01:15] replay\ufffd[2J\n"


def test_a_terminal_gets_one_line_that_is_gone_in_the_end(clock, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    terminal = Terminal()
    display = Display(lambda: "预测：第 3 张，共 130 张", terminal, clock)
    display.show()
    assert terminal.getvalue() == "\r\x1b[K[00:00] 预测：第 3 "
    display.clear()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_who_listens_no_more_keeps_nothing_from_being_graded(clock):
    log = io.StringIO()
    display = Display(lambda: "replay", log, clock)
    log.close()
    display.show()
    display.clear()


def test_what_is_over_before_a_line_is_due_leaves_nothing_in_a_log():
    log = io.StringIO()
    with showing(lambda: "replay", log):
        pass
    assert log.getvalue() == ""


def test_lines_come_as_long_as_the_block_takes(monkeypatch):
    monkeypatch.setattr("grader.progress._LOG_SECONDS", 0.0)
    log, enough, asked = io.StringIO(), threading.Event(), []

    def said():
        asked.append(1)
        if len(asked) == 3:
            enough.set()
        return "replay"

    with showing(said, log):
        enough.wait()
    assert log.getvalue().splitlines()[:2] == ["[00:00] replay"] * 2
