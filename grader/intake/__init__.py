"""From a folder or zip of unknown content to a private, hashed copy; and what of it is read."""

from grader.intake.intake import check_exists, name_of, take_in
from grader.intake.receiving import IntakeRefusedError, Receiver, checked_path, is_junk, receive_zip
from grader.intake.tensors import MOST_BYTES, Tensor, UnreadableError, tensors_of
from grader.intake.zips import (
    DEFLATED,
    STORED,
    ZipEntry,
    ZipError,
    find_zip_end,
    overlap,
    read_content,
    read_entries,
)

__all__ = [
    "DEFLATED",
    "MOST_BYTES",
    "STORED",
    "IntakeRefusedError",
    "Receiver",
    "Tensor",
    "UnreadableError",
    "ZipEntry",
    "ZipError",
    "check_exists",
    "checked_path",
    "find_zip_end",
    "is_junk",
    "name_of",
    "overlap",
    "read_content",
    "read_entries",
    "receive_zip",
    "take_in",
    "tensors_of",
]
