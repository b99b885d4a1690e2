"""Strict readers of a student's files: where the entries of a zip lie, and the tensors of a checkpoint."""

from grader.formats.tensors import (
    CHECKSUM_BYTES,
    CHECKSUM_MARK,
    MOST_BYTES,
    TAG,
    CutOffError,
    Tensor,
    UnreadableError,
    parameters_of,
    tensors_of,
)
from grader.formats.zips import (
    DEFLATED,
    ENCRYPTED,
    STORED,
    ZipEntry,
    ZipError,
    find_zip_end,
    overlap,
    read_content,
    read_entries,
)

__all__ = [
    "CHECKSUM_BYTES",
    "CHECKSUM_MARK",
    "DEFLATED",
    "ENCRYPTED",
    "MOST_BYTES",
    "STORED",
    "TAG",
    "CutOffError",
    "Tensor",
    "UnreadableError",
    "ZipEntry",
    "ZipError",
    "find_zip_end",
    "overlap",
    "parameters_of",
    "read_content",
    "read_entries",
    "tensors_of",
]
