import errno
import subprocess
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable

import pytest

from reference.command_line import not_negative_number, positive_number, run_command
from reference.errors import (
    DivergedError,
    ExportError,
    InputError,
    NotSolvedError,
    SourceError,
    SubmissionError,
    WeightsError,
)


def raising(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        *[(kind, 2) for kind in (InputError, WeightsError)],
        *[(kind, 1) for kind in (SourceError, DivergedError, NotSolvedError, SubmissionError, ExportError)],
    ],
)
def test_what_stops_a_command_is_one_line_and_its_exit_code(
    kind: type[Exception], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(raising(kind("what and where"))) == code
    assert capsys.readouterr().err == "error: what and where\n"


def test_a_full_disk_ends_with_code_1_and_names_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(raising(OSError(errno.ENOSPC, "No space left on device", "run/log.csv"))) == 1
    assert capsys.readouterr().err == "error: cannot write run/log.csv: No space left on device\n"


def test_ctrl_c_ends_with_code_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_work_that_is_done_ends_with_code_0_and_a_fault_of_ours_goes_through() -> None:
    assert run_command(lambda: 7) == 0
    with pytest.raises(ZeroDivisionError):
        run_command(lambda: 1 // 0)


@pytest.mark.parametrize("text", ["inf", "nan", "-1", "1e999", "many"])
def test_a_number_that_is_not_finite_or_below_zero_is_refused(text: str) -> None:
    for read in (positive_number, not_negative_number):
        with pytest.raises(ArgumentTypeError, match=text):
            read(text)


def test_zero_is_not_negative_and_not_positive() -> None:
    assert (not_negative_number("0"), positive_number("1e-3")) == (0.0, 0.001)
    with pytest.raises(ArgumentTypeError, match="0 is not a finite number above 0"):
        positive_number("0")


def test_the_command_line_needs_no_heavy_library() -> None:
    code = (
        "import sys, reference.command_line\n"
        "assert not {'mindspore', 'onnxruntime', 'scipy'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
