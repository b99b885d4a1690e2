"""`label.txt`: the Chinese names of the classes of a data set and of the bins that they belong into.

The garbage lab's set comes with one. A line says `name: folder`; a name whose folder is the beginning of
others', such as `可回收物: 00` before `塑料瓶: 00_00`, is a bin's. It is UTF-8 or, as Windows saves it in
China, GBK, and its line ends may be mixed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader.errors import ContentError
from grader.model.dataset import ClassInfo

SUFFIX = ".txt"
_LINE = re.compile(r"(?P<name>\S.*?)\s*[:：,，\t]\s*(?P<folder>[\w-]+)")


@dataclass(frozen=True)
class Labels:
    """What such a file says."""

    names: Mapping[str, str]
    """Of classes, by their folders."""
    bins: Mapping[str, str]
    """Of bins, by what the folders of their classes begin with, such as `00`."""

    def bin_of(self, folder: str) -> str:
        """Return the name of the bin that a class belongs into; empty if none is said."""
        return next((name for start, name in self.bins.items() if folder.startswith(f"{start}_")), "")


def read_labels(path: Path) -> Labels:
    """Read a `label.txt`.

    Raises:
        OSError: it cannot be read.
        ContentError: in one line that says where it is not such a file.
    """
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("gb18030")
        except UnicodeDecodeError as error:
            raise ContentError("labels-encoding") from error
    said: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise ContentError("labels-line", number=number)
        if match["folder"] in said:
            raise ContentError("labels-twice", number=number, folder=match["folder"])
        said[match["folder"]] = match["name"]
    bins = {start for start in said if any(folder.startswith(f"{start}_") for folder in said)}
    return Labels(
        names={folder: name for folder, name in said.items() if folder not in bins},
        bins={folder: name for folder, name in said.items() if folder in bins},
    )


def classes_of(labels: Labels) -> list[dict[str, str]]:
    """Return the class list that a `label.txt` makes by itself: `predict` returns the Chinese names then."""
    return [
        {"folder": folder, "name": name, "zh": name}
        | ({"group": group, "group_zh": group} if (group := labels.bin_of(folder)) else {})
        for folder, name in labels.names.items()
    ]


def with_labels(classes: Sequence[ClassInfo], labels: Labels) -> tuple[ClassInfo, ...]:
    """Return a class list with the Chinese names and bins of a `label.txt`; the English names stay.

    Raises:
        ContentError: the file names a folder that no class has.
    """
    folders = {info.folder for info in classes}
    if strange := [folder for folder in labels.names if folder not in folders]:
        raise ContentError("labels-strange", folder=strange[0])
    return tuple(
        replace(
            info,
            zh=labels.names.get(info.folder, info.zh),
            group_zh=(bin_ := labels.bin_of(info.folder)) or info.group_zh,
            group=info.group or bin_,
        )
        for info in classes
    )
