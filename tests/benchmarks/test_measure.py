import json
import os
import sys
from pathlib import Path

import pytest

from benchmarks.measure import (
    PROCESSOR_TIME,
    WHOLE_PROCESS,
    Answers,
    Message,
    Progress,
    Samples,
    Subject,
    measure,
    parse,
    tell,
    turns,
)

TELL = "import json; tell = lambda **content: print(json.dumps(content), flush=True); "


class Notes:
    """A watch that writes down what it sees."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.seen: list[tuple[int, int]] = []
        self.ended = 0

    def begin(self, name: str) -> None:
        self.begun.append(name)

    def advance(self, done: int, total: int) -> None:
        self.seen.append((done, total))

    def end(self) -> None:
        self.ended += 1


def program(name: str, code: str, folder: Path, request: str = "") -> Subject:
    return Subject(name, (sys.executable, "-c", TELL + code), dict(os.environ), folder, request)


def test_the_programs_take_turns() -> None:
    assert list(turns(3, 2)) == [0, 1, 2, 0, 1, 2]
    assert list(turns(2, 0)) == []


def test_every_round_runs_every_program_in_a_process_of_its_own(tmp_path: Path) -> None:
    code = "import os; tell(message='samples', figure='pid', samples=[os.getpid()])"
    notes = Notes()
    first, second = measure([program(name, code, tmp_path) for name in ("a", "b")], 2, notes)
    assert notes.begun == ["a", "b", "a", "b"]
    assert notes.ended == 4
    pids = first.samples("pid") + second.samples("pid")
    assert len(set(pids)) == 4
    assert len(first.samples(WHOLE_PROCESS)) == len(first.samples(PROCESSOR_TIME)) == 2
    assert min(first.samples(WHOLE_PROCESS)) > 0


def test_a_program_runs_in_its_folder_and_environment_and_is_asked_on_standard_input(tmp_path: Path) -> None:
    code = "import os, sys; tell(message='answers', answers=[os.getcwd(), os.environ['X'], sys.stdin.read()])"
    asked = program("a", code, tmp_path, request="文件.jpg")
    asked = Subject(
        asked.name, asked.command, {**asked.environment, "X": "y", "PYTHONUTF8": "1"}, tmp_path, asked.request
    )
    (runs,) = measure([asked], 1, Notes())
    assert runs.answers == (str(tmp_path), "y", "文件.jpg")


def test_noise_is_passed_over_and_progress_is_shown(tmp_path: Path) -> None:
    code = "print('noise'); tell(message='progress', done=1, total=2); tell(epoch=1)"
    notes = Notes()
    (runs,) = measure([program("a", code, tmp_path)], 1, notes)
    assert notes.seen == [(1, 2)]
    assert set(runs.runs[0].samples) == {WHOLE_PROCESS, PROCESSOR_TIME}


def test_a_program_that_fails_is_not_run_again_and_keeps_its_figures_and_the_others_go_on(
    tmp_path: Path,
) -> None:
    fails_the_second_time = (
        "import pathlib; mark = pathlib.Path('mark'); again = mark.exists(); mark.touch(); "
        "tell(message='samples', figure='runs', samples=[1]); "
        "again and exec('raise ValueError(\"no such luck\")')"
    )
    good = "tell(message='samples', figure='runs', samples=[1])"
    bad, fine = measure(
        [program("bad", fails_the_second_time, tmp_path), program("fine", good, tmp_path)], 4, Notes()
    )
    assert bad.failure == "exit code 1: ValueError: no such luck"
    assert len(bad.samples("runs")) == 2
    assert len(bad.samples(WHOLE_PROCESS)) == 1
    assert fine.failure == ""
    assert len(fine.samples("runs")) == 4


def test_a_program_that_dies_silently_or_cannot_be_started_is_said_to(tmp_path: Path) -> None:
    dies = program("dies", "import os; os._exit(3)", tmp_path)
    missing = Subject("missing", (str(tmp_path / "nothing"),), {}, tmp_path)
    first, second = measure([dies, missing], 1, Notes())
    assert first.failure == "exit code 3: it said nothing"
    assert "No such file" in second.failure


def test_no_program_is_left_behind_by_an_interrupt(tmp_path: Path) -> None:
    class Interrupts(Notes):
        def advance(self, done: int, total: int) -> None:
            super().advance(done, total)
            raise KeyboardInterrupt

    code = "import os, time; tell(message='progress', done=os.getpid(), total=0); time.sleep(600)"
    notes = Interrupts()
    with pytest.raises(KeyboardInterrupt):
        measure([program("a", code, tmp_path)], 1, notes)
    ((pid, _),) = notes.seen
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    "message", [Samples("step, s", (1.5, 2.0)), Answers(("Hats", "塑料瓶")), Answers(()), Progress(3, 40)]
)
def test_what_is_told_is_understood(message: Message, capsys: pytest.CaptureFixture[str]) -> None:
    tell(message)
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert parse(line) == message


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[WARNING] something of MindSpore's",
        "{",
        "3",
        "null",
        "[]",
        '{"epoch": 1}',
        '{"message": "hello"}',
        '{"message": "samples", "figure": "step"}',
        '{"message": "samples", "figure": "step", "samples": ["fast"]}',
        '{"message": "samples", "figure": "step", "samples": 3}',
        '{"message": "progress", "done": null, "total": 2}',
    ],
)
def test_what_others_print_is_passed_over(line: str) -> None:
    assert parse(line) is None


def test_a_message_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    tell(Samples("head", (4.0,)))
    assert json.loads(capsys.readouterr().out) == {"message": "samples", "figure": "head", "samples": [4.0]}
