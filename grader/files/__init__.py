"""Files that others may change at any moment, and our own: held, written whole, known by digest."""

from grader.files.content import (
    WRITING,
    digest_of_bytes,
    digest_of_file,
    digest_of_json,
    digest_of_parts,
    write_atomically,
    write_new,
)
from grader.files.held import ForeignLinkError, Held, hold, place_of, read_whole
from grader.files.workspace import make_readable, workspace

__all__ = [
    "WRITING",
    "ForeignLinkError",
    "Held",
    "digest_of_bytes",
    "digest_of_file",
    "digest_of_json",
    "digest_of_parts",
    "hold",
    "make_readable",
    "place_of",
    "read_whole",
    "workspace",
    "write_atomically",
    "write_new",
]
