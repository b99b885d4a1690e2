"""Writing the handout: checked before it appears, and the same bytes from the same files."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from grader.errors import UsageError
from grader.handout.check import check_archive

_DATE = (1980, 1, 1, 0, 0, 0)


def write_handout(files: Mapping[str, bytes], out: Path, secret: Iterable[Path]) -> int:
    """Write the zip and check it; return how many files it has. Nothing appears unless the check passes.

    Raises:
        UsageError: `out` is there already or cannot be written, or a file must not be handed out.
    """
    if os.path.lexists(out):
        raise UsageError(f"{out} is there already: remove it, or choose another --out")
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".writing-") as folder:
            new = Path(folder) / "handout.zip"
            with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as zipped:
                for name, data in files.items():
                    entry = zipfile.ZipInfo(name, _DATE)
                    entry.external_attr = 0o644 << 16
                    zipped.writestr(entry, data, zipfile.ZIP_DEFLATED)
            count = check_archive(new, secret)
            os.link(new, out)  # never over what has appeared meanwhile
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}") from error
    return count
