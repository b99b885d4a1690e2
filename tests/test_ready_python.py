"""A program that a ready Python forks is, for a test, one that was started."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import wait_until
from tests.ready_python import Program, ReadyPython

TELLS = """
import os, resource, sys
print(__name__, sys.argv, os.getcwd(), sorted(os.environ.items()), sys.stdin.read())
print(resource.getrlimit(resource.RLIMIT_FSIZE), oct(os.umask(0)), __file__, sys.path[0])
print("错误", file=sys.stderr)
"""


@pytest.fixture(scope="module")
def ready() -> Iterator[ReadyPython]:
    with ReadyPython(["numpy", "colorsys"], forgotten=["colorsys"]) as python:
        yield python


def written(folder: Path, source: str) -> str:
    (folder / "program.py").write_text(source, encoding="utf-8")
    return str(folder / "program.py")


def started(program: Program) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *program.arguments],
        cwd=program.folder,
        env=program.environment,
        umask=program.umask,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize("is_module", [False, True])
def test_a_program_finds_what_one_finds_that_was_started(
    ready: ReadyPython, tmp_path: Path, is_module: bool
) -> None:
    path = written(tmp_path, TELLS)
    arguments = [*(("-m", "program") if is_module else (path,)), "--one", "二"]
    environment = {"A": "1", "PYTHONUTF8": "1", "LC_CTYPE": "C.UTF-8"}
    program = Program(arguments, tmp_path, environment, umask=0o077)
    forked = ready.run(program)
    assert forked.stderr == "错误\n"
    assert (forked.returncode, forked.stdout, forked.stderr) == (
        (expected := started(program)).returncode,
        expected.stdout,
        expected.stderr,
    )


def test_code_on_the_command_line_is_a_program(ready: ReadyPython, tmp_path: Path) -> None:
    program = Program(["-c", "import sys; print(__name__, sys.argv); sys.exit(3)", "one", "-c"], tmp_path)
    forked, expected = ready.run(program), started(program)
    assert (
        (forked.returncode, forked.stdout)
        == (expected.returncode, expected.stdout)
        == (
            3,
            "__main__ ['-c', 'one', '-c']\n",
        )
    )


@pytest.mark.parametrize(
    "source",
    [
        "pass",
        "import sys; sys.exit(3)",
        "import sys; sys.exit('what is wrong')",
        "import sys; sys.exit(True)",
        "import os; os._exit(7)",
        "import atexit; atexit.register(print, 'at the end'); print('first')",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "import os, signal; signal.signal(signal.SIGINT, signal.default_int_handler); os.kill(os.getpid(), signal.SIGINT)",
        "raise KeyboardInterrupt",
        "1 / 0",
    ],
)
def test_a_program_ends_as_one_that_was_started(ready: ReadyPython, tmp_path: Path, source: str) -> None:
    program = Program([written(tmp_path, source)], tmp_path)
    forked, expected = ready.run(program), started(program)
    assert (forked.returncode, forked.stdout) == (expected.returncode, expected.stdout)
    assert forked.stderr.splitlines()[-1:] == expected.stderr.splitlines()[-1:]


def test_a_limit_is_the_programs_alone(ready: ReadyPython, tmp_path: Path) -> None:
    path = written(tmp_path, "with open('file', 'wb') as file: file.write(bytes(2000))")
    full = ready.run(Program([path], tmp_path, limits={"RLIMIT_FSIZE": 1000}))
    assert full.returncode == 1
    assert full.stderr.splitlines()[-1] == "OSError: [Errno 27] File too large"
    assert ready.run(Program([path], tmp_path)).returncode == 0


def test_programs_run_side_by_side_and_a_signal_is_for_one(ready: ReadyPython, tmp_path: Path) -> None:
    path = written(tmp_path, "import sys, time; open(sys.argv[1], 'x').close(); time.sleep(999)")
    programs = [ready.start(Program([path, name], tmp_path)) for name in ("one", "other")]
    wait_until(lambda: (tmp_path / "one").exists() and (tmp_path / "other").exists())
    one, other = programs
    assert one.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        one.wait(0.01)
    one.send_signal(signal.SIGTERM)
    one.communicate()
    assert (one.returncode, other.poll()) == (-signal.SIGTERM, None)
    one.send_signal(signal.SIGTERM)  # its number may be another's by now
    other.send_signal(signal.SIGKILL)
    other.communicate()
    assert other.returncode == -signal.SIGKILL


def test_each_program_has_its_own_chance_and_its_own_copy_of_what_is_forgotten(
    ready: ReadyPython, tmp_path: Path
) -> None:
    (tmp_path / "colorsys.py").write_text("mine = True", encoding="utf-8")
    source = "import colorsys, numpy, random; print(colorsys.mine, random.random(), numpy.random.rand())"
    program = Program([written(tmp_path, source)], tmp_path)
    first, second = (ready.run(program).stdout.split() for _ in range(2))
    assert first[0] == second[0] == "True"
    assert not set(first[1:]) & set(second[1:])
