import json

import pytest

from benchmarks.protocol import Answers, Message, Progress, Samples, parse, tell


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
