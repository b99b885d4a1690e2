"""Files that others may change at any moment, and our own: held, written whole, known by digest."""

from grader.files.holding import ForeignLinkError, Held, hold, place_of, read_whole
from grader.files.own import (
    WRITING,
    NoRoomError,
    digest_of_bytes,
    digest_of_file,
    digest_of_json,
    digest_of_parts,
    make_readable,
    workspace,
    write_atomically,
    write_new,
)

__all__ = [
    "WRITING",
    "ForeignLinkError",
    "Held",
    "NoRoomError",
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
