"""Writing the handout: checked before it appears, and the same bytes from the same files."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from grader.errors import UsageError
from grader.handout.check import check_archive
from grader.whole_file import write_new

_DATE = (1980, 1, 1, 0, 0, 0)


def write_handout(files: Mapping[str, bytes], out: Path, secret: Iterable[Path]) -> int:
    """Write the zip and check it; return how many files it has. Nothing appears unless the check passes.

    Raises:
        UsageError: `out` is there already or cannot be written, or a file must not be handed out.
    """
    if os.path.lexists(out):
        raise UsageError("out-exists", path=out)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _DATE)
            entry.external_attr = 0o644 << 16
            zipped.writestr(entry, data, zipfile.ZIP_DEFLATED)
    count = check_archive(archive, secret)
    try:
        write_new(out, archive.getvalue())
    except OSError as error:
        raise UsageError("cannot-write", path=out, reason=error) from error
    return count
