"""What must be true of a zip's entries so that unpacking them costs no more than they are long."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable

BOUNDED_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Only for these does a bounded read bound what is unpacked; bz2 and LZMA may give gigabytes at once."""
_LOCAL_HEADER_BYTES = 30
"""What stands before each entry's name and content, at least."""


def overlap(entries: Iterable[zipfile.ZipInfo], archive_bytes: int) -> bool:
    """Whether a byte of the archive belongs to two entries, or entries claim more bytes than it has.

    Deflated data can be long and give nothing: a thousand entries that share it take a thousand times as long
    to unpack as the archive to read, and pass every limit on what comes out.
    """
    end = None
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if end is not None and entry.header_offset < end:
            return True
        end = entry.header_offset + _LOCAL_HEADER_BYTES + entry.compress_size
    return end is not None and end > archive_bytes
