"""What must be true of a zip's entries so that unpacking them costs no more than they are long."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable

BOUNDED_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Only for these does a bounded read bound what is unpacked; bz2 and LZMA may give gigabytes at once."""


def overlap(entries: Iterable[zipfile.ZipInfo], archive_bytes: int) -> bool:
    """Whether entries claim more bytes, together, than the archive has.

    Deflated data can be long and give nothing: a thousand entries that share it take a thousand times as long
    to unpack as the archive to read, and pass every limit on what comes out.
    """
    return sum(entry.compress_size for entry in entries) > archive_bytes
