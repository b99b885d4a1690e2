"""tox's plugin for instructors: one environment for every submission below `submissions/`.

    tox run-parallel -m submissions -- --split path/to/hidden

The environments are empty: each calls the Python of one shared environment, `grader`, which is installed once
and comes first. (Environments that share a folder would be made anew under each other.) Only names are read
from the submissions here; nothing in them is configuration. SUBMISSIONS names another folder. Each prints one
line, and its report is in `reports/`.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from tox.config.loader.memory import MemoryLoader
from tox.config.types import Command, EnvList
from tox.plugin import impl
from tox.report import HandledError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tox.config.sets import CoreConfigSet
    from tox.session.state import State

_ROOT = Path(__file__).parent
_LABEL, _SHARED, _PREFIX = "submissions", "grader", "submission_"
_MOST_CHARACTERS = 60
"""Of a submission's name: at four bytes each, the environment's folder has a name that Linux takes."""
_USUAL_VERBOSITY = 2


@impl
def tox_extend_envs() -> Iterable[str]:
    """Name an environment for each submission."""
    return tuple(_submissions())


@impl
def tox_add_core_config(core_conf: CoreConfigSet, state: State) -> None:
    """Say what each environment does, and put them all under one label."""
    found = _submissions()
    python = Path(core_conf["work_dir"], _SHARED, "bin", "python")
    for name, path in found.items():
        state.conf.memory_seed_loaders[name].append(_environment(name, path, python, state))
    for name in ("grade", "batch"):
        state.conf.memory_seed_loaders[name].append(_installed_first(core_conf["work_dir"]))
    if not found and _LABEL in (getattr(state.conf.options, "labels", None) or ()):
        folder = _printable(str(_folder()))
        raise HandledError(f"there is no submission in {folder}: put one folder or .zip a student there")
    label = EnvList([_SHARED, *found] if found else [])
    core_conf.loaders.insert(0, MemoryLoader(labels={_LABEL: label}))
    if state.conf.options.verbosity <= _USUAL_VERBOSITY:
        for handler in logging.getLogger().handlers:
            handler.addFilter(_is_no_echo)


def _environment(name: str, path: Path, python: Path, state: State) -> MemoryLoader:
    out = Path("reports", name.removeprefix(_PREFIX))
    arguments = ["-m", "grader", _from_root(path), "--out", str(out), "--brief"]
    return MemoryLoader(
        description=f"grade {_printable(path.name)}",
        skip_install=True,
        package="skip",
        deps=[],
        depends=EnvList([_SHARED]),
        allowlist_externals=[str(python)],
        pass_env=["GRADER_*"],
        set_env={"PYTHONUTF8": "1", "VIRTUALENV_NO_SEED": "1"},  # no pip of its own: 12 MB a student
        change_dir=str(_ROOT),
        parallel_show_output=True,
        commands=[Command([str(python), *arguments, *(state.conf.pos_args(None) or ())])],
    )


def _installed_first(work_dir: Path) -> MemoryLoader:
    """Have the shared environment made by this very tox, which need not be on PATH."""
    tox = [sys.executable, "-m", "tox", "run", "-qq", "--workdir", str(work_dir), "-e", _SHARED]
    return MemoryLoader(commands_pre=[Command(tox)])


def _is_no_echo(record: logging.LogRecord) -> bool:
    """Leave out the command lines of the submissions: all alike, and longer than what they print."""
    text = record.getMessage()
    return not (" -m grader " in text and " --brief" in text)


def _printable(text: str) -> str:
    """Replace what would steer the terminal that `tox list` prints to, or could not be printed."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _from_root(path: Path) -> str:
    return str(path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path)


def _folder() -> Path:
    return Path(os.environ.get("SUBMISSIONS", _ROOT / "submissions")).absolute()


def _submissions() -> dict[str, Path]:
    """Return the submissions by the names of their environments."""
    try:
        paths = sorted(path for path in _folder().iterdir() if path.is_dir() or path.suffix.lower() == ".zip")
    except OSError:
        return {}
    return {_name(path): path for path in paths if not path.name.startswith(".")}


def _name(path: Path) -> str:
    """Return a name that tox takes as one word, and as no version of Python."""
    stem = unicodedata.normalize("NFC", path.stem)
    word = "".join(char if char.isalnum() else "_" for char in stem)[:_MOST_CHARACTERS]
    # Where something was lost, two names might meet.
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:6]
    return f"{_PREFIX}{word}" if word == path.name else f"{_PREFIX}{word}_{digest}"
