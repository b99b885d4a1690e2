"""From a folder or zip of unknown content to a private, hashed copy; and what of it is read."""

from grader.intake.intake import check_exists, digests_in_zips, name_of, take_in
from grader.intake.receiving import IntakeRefusedError, Receiver, is_junk, receive_zip

__all__ = [
    "IntakeRefusedError",
    "Receiver",
    "check_exists",
    "digests_in_zips",
    "is_junk",
    "name_of",
    "receive_zip",
    "take_in",
]
