"""Virtual environments of their own, in which nothing of this project can be imported.

Packages come from the environment that the tests run in, as links where that is possible: an index would take
minutes and gigabytes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import venv
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement


def environment(folder: Path) -> Path:
    """Make an empty environment; returns its interpreter."""
    venv.create(folder, symlinks=True)
    return folder / "bin" / "python"


def packages_of(python: Path) -> Path:
    """Return the folder in which an environment's packages lie."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.check_output([python, "-c", code], text=True).strip())


def needed_by(requirements: Iterable[str]) -> list[str]:
    """Return the names of all packages that pip would install here for a list of requirements, in order."""
    extras: dict[str, set[str]] = {}
    asked = [Requirement(requirement) for requirement in requirements]
    while asked:
        wanted = asked.pop()
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if not _is_for_here(wanted, {""}) or (name in extras and wanted.extras <= extras[name]):
            continue
        extras[name] = extras.get(name, set()) | wanted.extras
        for requirement in map(Requirement, metadata.requires(name) or ()):
            if _is_for_here(requirement, {"", *extras[name]}):
                requirement.marker = None
                asked.append(requirement)
    return sorted(extras)


def _is_for_here(requirement: Requirement, extras: Iterable[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras)


def share(packages: Path, names: Iterable[str]) -> None:
    """Give an environment packages of this one, with what Python has compiled of them."""
    folders = set()
    for name in names:
        for file in {*(metadata.files(name) or ())}:  # some are recorded twice
            source, place = Path(file.locate()), packages / file
            if ".." in file.parts or not source.is_file():
                continue
            if place.parent not in folders:
                place.parent.mkdir(parents=True, exist_ok=True)
                folders.add(place.parent)
            try:
                os.link(source, place)
            except OSError:  # another file system, or another user's
                shutil.copy2(source, place)
