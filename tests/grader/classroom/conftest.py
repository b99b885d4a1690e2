"""A generated class of submissions that need numpy alone: good, weak, broken, and two that are the same."""

import signal
import subprocess
import sys
import tempfile
import textwrap
import zipfile
from pathlib import Path

import pytest

from tests.grader.conftest import CLASSES, ORACLE
from tests.ready_python import Program, ReadyPython

ROOT = Path(__file__).parents[3]
ONE_THREAD = "[limits]\nthreads = 1\nimport_seconds = 60\n"
GOOD = textwrap.dedent(ORACLE)
HALF = (
    GOOD + "\nright = predict\ndef predict(image):\n    return right(image) if len(image) % 2 else 'Hats'\n"
)
SOURCES = {
    "good-1": GOOD,
    "good-2": GOOD + "# mine\n",
    "good-3": GOOD,
    "王小明": GOOD + "# 王小明\n",
    "half-1": HALF,
    "half-2": HALF + "# mine\n",
    "weak-1": "def predict(image):\n    return 'Hats'\n",
    "weak-2": "def predict(image):\n    return 'Nonsense'\n",
    "=HYPERLINK(1)": GOOD + "# a formula\n",
    "<script>": GOOD + "# a script\n",
    "syntax": "def predict(image)\n",
    "raises": "def predict(image):\n    raise ValueError(image.shape)\n",
    "number": "def predict(image):\n    return 1\n",
    "no-predict": "x = 1\n",
    "exits": "import os\ndef predict(image):\n    os._exit(7)\n",
    "no-main": None,
}
VERDICTS = {
    **dict.fromkeys([*list(SOURCES)[:10], "12345", "4711"], "GRADED"),
    "syntax": "CRASH",
    "raises": "CRASH",
    "number": "CONTRACT",
    "no-predict": "CONTRACT",
    "exits": "CRASH",
    "no-main": "FORMAT",
    "damaged": "FORMAT",
    "archive.rar": "FORMAT",
}


@pytest.fixture
def assignment_file(tmp_path):
    rows = "".join(f'[[classes]]\nfolder = "{c.folder}"\nname = "{c.name}"\nzh = "{c.zh}"\n' for c in CLASSES)
    path = tmp_path / "assignment.toml"
    path.write_text(f'title = "Colours"\n{rows}{ONE_THREAD}', encoding="utf-8")
    return path


@pytest.fixture
def class_folder(tmp_path):
    folder = tmp_path / "class"
    for name, source in SOURCES.items():
        (folder / name).mkdir(parents=True)
        if source is not None:
            (folder / name / "main.py").write_text(source, encoding="utf-8")
    zipped(folder / "wang_LATE_12345_67890_submit.zip", GOOD + "# zipped\n")
    zipped(folder / "Li_4711_assignsubmission_file_" / "work.zip", GOOD + "# zipped twice\n")
    (folder / "damaged.zip").write_bytes(b"PK\x03\x04 and no more")
    (folder / "archive.rar").write_bytes(b"Rar!")
    return folder


def zipped(path, source):
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("main.py", source)


@pytest.fixture
def grader(ready_commands: ReadyPython, tmp_path):
    """Run `python -m grader` in a folder of its own; `start` starts it as a program, and does not wait for it."""
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    path = {"PYTHONPATH": f"{ROOT}:{ROOT / 'student'}", "PATH": "/usr/bin:/bin"}
    env = {**path, "LC_ALL": "C", "TMPDIR": tempfile.gettempdir()}

    def start(*arguments):
        return subprocess.Popen(
            [sys.executable, "-m", "grader", *map(str, arguments)],
            cwd=cwd,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            # A suite that a shell has put into the background ignores Ctrl-C, and so would what it starts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def run(*arguments):
        return ready_commands.run(Program(["-m", "grader", *map(str, arguments)], cwd, env))

    run.start = start
    return run
