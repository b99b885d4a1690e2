"""The images that submissions are asked about: in a folder, in one sealed file, or drawn."""

from grader.split.encryption import KEY_VARIABLE, MAGIC, is_exposed, key_file_from, make_key, read_key
from grader.split.folder import PASSED_OVER, REFUSED, list_images, refusal
from grader.split.opening import DecodedImage, choose_split, decoded, demo_split, open_split, public_split
from grader.split.sealed import check_is_new, open_sealed, read_sealed, write_folder, write_sealed

__all__ = [
    "KEY_VARIABLE",
    "MAGIC",
    "PASSED_OVER",
    "REFUSED",
    "DecodedImage",
    "check_is_new",
    "choose_split",
    "decoded",
    "demo_split",
    "is_exposed",
    "key_file_from",
    "list_images",
    "make_key",
    "open_sealed",
    "open_split",
    "public_split",
    "read_key",
    "read_sealed",
    "refusal",
    "write_folder",
    "write_sealed",
]
