"""tox's plugin for instructors: one environment for every submission below `submissions/`.

    tox run-parallel -m submissions -- --split path/to/hidden

The environments are empty: each calls the Python of one shared environment, `grader`, which is installed once
and comes first. (Environments that share a folder would be made anew under each other.) Only names are read
from the submissions here; nothing in them is configuration. SUBMISSIONS names another folder.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from tox.config.loader.memory import MemoryLoader
from tox.config.types import Command, EnvList
from tox.plugin import impl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tox.config.sets import CoreConfigSet
    from tox.session.state import State

_ROOT = Path(__file__).parent
_LABEL, _SHARED, _PREFIX = "submissions", "grader", "submission_"


@impl
def tox_extend_envs() -> Iterable[str]:
    """Name an environment for each submission."""
    return tuple(_submissions())


@impl
def tox_add_core_config(core_conf: CoreConfigSet, state: State) -> None:
    """Say what each environment does, and put them all under one label."""
    found = _submissions()
    for name, path in found.items():
        state.conf.memory_seed_loaders[name].append(_environment(name, path, state))
    label = EnvList([_SHARED, *found] if found else [])
    core_conf.loaders.insert(0, MemoryLoader(labels={_LABEL: label}))


def _environment(name: str, path: Path, state: State) -> MemoryLoader:
    python = Path(state.conf.work_dir, _SHARED, "bin", "python")
    arguments = ["-m", "grader", str(path), "--out", str(_ROOT / "reports" / name.removeprefix(_PREFIX))]
    return MemoryLoader(
        description=f"grade {path.name}",
        skip_install=True,
        package="skip",
        deps=[],
        depends=EnvList([_SHARED]),
        allowlist_externals=[str(python)],
        pass_env=["GRADER_*"],
        set_env={"PYTHONUTF8": "1"},
        change_dir=str(_ROOT),
        commands=[Command([str(python), *arguments, *(state.conf.pos_args(None) or ())])],
    )


def _submissions() -> dict[str, Path]:
    """Return the submissions by the names of their environments."""
    folder = Path(os.environ.get("SUBMISSIONS", _ROOT / "submissions"))
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_dir() or path.suffix.lower() == ".zip")
    except OSError:
        return {}
    return {_name(path): path for path in paths if not path.name.startswith(".")}


def _name(path: Path) -> str:
    """Return a name that tox takes as one word, and as no version of Python."""
    stem = unicodedata.normalize("NFC", path.stem)
    word = "".join(char if char.isalnum() else "_" for char in stem)
    # Where something was lost, two names might meet.
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:6]
    return f"{_PREFIX}{word}" if word == path.name else f"{_PREFIX}{word}_{digest}"
