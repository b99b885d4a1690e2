"""From a path that somebody handed in to a :class:`Submission`, or a refusal; none of its code is run.

A checkpoint may have been cut off, damaged, or changed by a program for text that means well with line ends
(git's autocrlf, FTP in text mode). Only lengths, checksums and line ends are looked at. No tensor is read and
nothing is ever unpickled: what a pickle does when it is loaded is the sandbox's business. What lies in zips
that a submission holds is looked for one deep, and within bounds on the work.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import sys
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from grader.errors import HarnessError, UsageError
from grader.files import ForeignLinkError, Held, NoRoomError, digest_of_parts, hold, make_readable
from grader.formats import (
    CHECKSUM_BYTES,
    CHECKSUM_MARK,
    DEFLATED,
    ENCRYPTED,
    STORED,
    TAG,
    CutOffError,
    UnreadableError,
    ZipEntry,
    ZipError,
    find_zip_end,
    overlap,
    parameters_of,
    read_content,
    read_entries,
)
from grader.intake.notebooks import find_main
from grader.intake.receiving import (
    ZIP_SUFFIX,
    IntakeRefusedError,
    Receiver,
    checked_path,
    receive_folder,
    receive_zip,
)
from grader.model.assignment import Limits
from grader.model.submission import (
    LOCAL_SIGNATURE,
    NOTHING_KNOWN,
    CheckpointState,
    Defect,
    NotebookUse,
    Submission,
    SubmittedFile,
)

_MOST_LOOKED_AT = 20
"""Checkpoints of one submission; students keep one for every few epochs, not thousands."""
_CHUNK = 1 << 20
_MOST_DIRECTORY_BYTES = 1 << 18
"""A checkpoint has some hundred parameters; a directory of a million entries is a burden."""
_MOST_SWOLLEN, _MOST_GROWTH = 4, 256 << 20
"""Times the size of the file, and bytes more than it: weights hardly shrink, and unpacking a bomb is nobody's
business here."""
_CHANGED_TAG = b"\x0d"
"""What stands there if a program for text has put a byte 13 before every byte 10."""
_ENOUGH = 20
"""So many line ends of a kind, all of them or hardly any, are no chance in numbers."""
_HARDLY_ANY = 0.1
"""Share: where byte 13 stood twice before byte 10, one is left."""
_MOST_DIRECTORIES_BYTES = 1 << 20
_MOST_UNPACKED_BYTES = 64 << 20
"""Of all zips in a submission together: what lies further back is not looked at."""


def take_in(source: Path, workspace: Path, limits: Limits) -> Submission:
    """Copy what was handed in below `workspace`, hash it, and find its `main.py`.

    Whatever happens to `source` afterwards, the copy is what is run and what the hashes are of.

    Raises:
        UsageError: `source` does not exist or is neither a folder nor a file.
        HarnessError: this process cannot name every file.
        NoRoomError: the copy cannot be written.
        IntakeRefusedError: it cannot be graded as it is (verdict FORMAT).
    """
    _check_locale()
    receiver = Receiver(folder=workspace / "submission", limits=limits)
    try:
        receiver.folder.mkdir(parents=True)
    except OSError as error:
        raise NoRoomError("copy-unwritten", folder=receiver.folder, reason=error) from error
    try:
        held = hold(source, foreign_links=False)
    except ForeignLinkError as error:
        raise IntakeRefusedError("link", source.name) from error
    except OSError as error:
        raise _cannot_look(source, error) from error
    with held:
        _receive(held, source.name, receiver)
    root, notebook = find_main(receiver)
    make_readable(receiver.folder)
    return _submission(source, receiver, root, notebook)


def check_exists(source: Path) -> None:
    """Find out early whether there is anything to take in.

    Raises:
        UsageError: there is not, or it cannot be looked at.
    """
    try:
        source.stat()
    except OSError as error:
        raise _cannot_look(source, error) from error


def name_of(source: Path) -> str:
    """Return the name a submission goes by in reports: its folder's, or its archive's without `.zip`.

    Of a link it is the link's own: the student chooses what that leads to, and may change it meanwhile.
    Composed (NFC), so that what looks the same is the same.
    """
    whole = Path(os.path.abspath(source))  # noqa: PTH100 - Path.absolute keeps `..`
    is_archive = whole.suffix.lower() == ZIP_SUFFIX and not whole.is_dir()
    name = whole.stem if is_archive else whole.name
    # A name in another encoding must not keep the report from being written.
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))


def look_at_checkpoint(path: Path) -> CheckpointState:
    """Tell what can be told of one file: a zip (PyTorch, NumPy) or a MindSpore checkpoint."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(len(LOCAL_SIGNATURE))
        is_named_ckpt = path.suffix.lower() == ".ckpt"
        if head == LOCAL_SIGNATURE:
            state = CheckpointState(defect=_zip_defect(file, size))
        elif is_named_ckpt and head[:1] == TAG:
            state = _mindspore(file, size)
        else:
            state = NOTHING_KNOWN
        # A zip that is whole is left alone; of a .ckpt, nothing is known if its lengths lead nowhere.
        is_odd = is_named_ckpt and head[:1] in (TAG, _CHANGED_TAG) and state == NOTHING_KNOWN
        if (state.defect or is_odd) and has_changed_line_ends(file):
            return CheckpointState(defect="line-ends")
    return state


def has_changed_line_ends(file: BinaryIO) -> bool:
    """Whether every byte 10 has a byte 13 before it, or hardly any has where some should by chance.

    A file without a zero byte at its beginning is taken for text, whose line ends are its own.
    """
    file.seek(0)
    size = feeds = returns = pairs = 0
    last = b""
    while chunk := file.read(_CHUNK):
        if not size and b"\0" not in chunk:
            return False
        size += len(chunk)
        feeds += chunk.count(b"\n")
        returns += chunk.count(b"\r")
        pairs += chunk.count(b"\r\n") + (last == b"\r" and chunk[:1] == b"\n")
        last = chunk[-1:]
    if feeds < _ENOUGH:
        return False
    by_chance = feeds * returns / size
    return pairs == feeds or (by_chance >= _ENOUGH and pairs <= _HARDLY_ANY * by_chance)


def digests_in_zips(submission: Submission, sizes: frozenset[int]) -> Iterator[tuple[PurePosixPath, str]]:
    """Yield path and SHA-256 of what lies in a submission's zips and has one of these sizes.

    A copy that was changed or packed otherwise is not found, and need not be: this is for the data set that
    somebody hands in as it came.
    """
    yield from _Zips(sizes).digests(submission)


def _check_locale() -> None:
    """Make sure that a name which Python cannot read here is not held against the submission.

    Raises:
        HarnessError: names are read and written in another encoding than UTF-8.
    """
    encoding = sys.getfilesystemencoding()
    if encoding != "utf-8":
        raise HarnessError("locale-names", encoding=encoding)


def _cannot_look(source: Path, error: OSError) -> UsageError:
    if isinstance(error, FileNotFoundError):
        return UsageError("submission-absent", path=source)
    return UsageError("submission-unseen", path=source, reason=error)


def _receive(held: Held, name: str, receiver: Receiver) -> None:
    if held.is_folder:
        receive_folder(held, receiver)
    elif held.is_file and name.lower().endswith(ZIP_SUFFIX):
        try:
            archive = held.open()
        except OSError as error:
            raise IntakeRefusedError("unreadable", name) from error
        with archive:
            receive_zip(archive, receiver)
    else:
        raise IntakeRefusedError("not-a-submission", name)


def _submission(
    source: Path, receiver: Receiver, root: PurePosixPath, notebook: NotebookUse | None
) -> Submission:
    files = sorted(
        (_moved(file, root) for file in receiver.files if root in (PurePosixPath(), *file.path.parents)),
        key=lambda file: file.path,
    )
    notes = (f"main.py was found one folder deeper, in {root}/",) if root.parts else ()
    return Submission(
        name=name_of(source),
        folder=receiver.folder / root,
        files=tuple(_looked_at(files, receiver.folder / root)),
        sha256=digest_of_parts((str(file.path), file.sha256) for file in files),
        notes=notes,
        notebook=notebook,
    )


def _moved(file: SubmittedFile, root: PurePosixPath) -> SubmittedFile:
    return replace(file, path=file.path.relative_to(root))


def _looked_at(files: Sequence[SubmittedFile], folder: Path) -> Iterator[SubmittedFile]:
    """Yield the files, the first of the checkpoints with what can be told of them."""
    left = _MOST_LOOKED_AT
    for file in files:
        if file.is_checkpoint and left:
            left -= 1
            yield replace(file, state=look_at_checkpoint(folder / file.path))
        else:
            yield file


def _zip_defect(file: BinaryIO, size: int) -> Defect:
    """Look for the directory, which is a zip's end, and compare its checksums if that costs little."""
    try:
        end = find_zip_end(file)
        if end is None:
            return "cut-off"
        if end.directory_bytes > _MOST_DIRECTORY_BYTES:
            return ""
        entries = [*read_entries(file, end)]
        if _is_cheap(entries, size):
            for entry in entries:
                for _ in read_content(file, entry):
                    pass
    except ZipError:
        return "damaged"
    return ""


def _is_cheap(entries: Sequence[ZipEntry], size: int) -> bool:
    """Whether unpacking all entries takes little memory and time, whatever they say of themselves."""
    return (
        all(entry.method in (STORED, DEFLATED) and not entry.flags & ENCRYPTED for entry in entries)
        and not overlap(entries, size)
        and sum(entry.size for entry in entries) <= min(_MOST_SWOLLEN * size, size + _MOST_GROWTH)
    )


def _mindspore(file: BinaryIO, size: int) -> CheckpointState:
    """Compare the checksum, if there is one, and count the parameters: the last ends where the file does."""
    file.seek(max(0, size - CHECKSUM_BYTES))
    has_checksum = file.read(len(CHECKSUM_MARK)) == CHECKSUM_MARK
    if has_checksum and int.from_bytes(file.read(), "big") != _checksum(file, size - CHECKSUM_BYTES):
        return CheckpointState(defect="damaged")
    data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    try:
        return CheckpointState(sum(1 for _ in parameters_of(data)))
    except CutOffError:
        return CheckpointState(defect="cut-off")
    except UnreadableError:
        return NOTHING_KNOWN  # not MindSpore's after all


def _checksum(file: BinaryIO, end: int) -> int:
    file.seek(0)
    checksum, left = 0, end
    while left and (chunk := file.read(min(left, _CHUNK))):
        checksum = zlib.crc32(chunk, checksum)
        left -= len(chunk)
    return checksum


class _Zips:
    """The zips of one submission, and what may still be spent on them."""

    def __init__(self, sizes: frozenset[int]) -> None:
        self._sizes = sizes
        self._directory_bytes = _MOST_DIRECTORIES_BYTES
        self._unpacked_bytes = _MOST_UNPACKED_BYTES

    def digests(self, submission: Submission) -> Iterator[tuple[PurePosixPath, str]]:
        """Yield path and digest of what is in zips and has one of the sizes."""
        for file in submission.files:
            if file.head.startswith(LOCAL_SIGNATURE):
                with suppress(ZipError, OSError), (submission.folder / file.path).open("rb") as archive:
                    yield from self._within(file, archive)

    def _within(self, file: SubmittedFile, archive: BinaryIO) -> Iterator[tuple[PurePosixPath, str]]:
        end = find_zip_end(archive)
        if end is None or end.directory_bytes > self._directory_bytes:
            return
        self._directory_bytes -= end.directory_bytes
        entries = list(read_entries(archive, end))
        # Bytes that many entries share would be read once for each.
        if overlap(entries, file.size):
            return
        for entry in entries:
            is_sought = entry.size in self._sizes and entry.method in (STORED, DEFLATED)
            if is_sought and entry.size <= self._unpacked_bytes:
                self._unpacked_bytes -= entry.size
                with suppress(ZipError):
                    yield _place_in_zip(file, entry), _digest_of_entry(archive, entry)


def _place_in_zip(file: SubmittedFile, entry: ZipEntry) -> PurePosixPath:
    """Return the path of an entry below its zip's; the zip's alone where it has none that can be shown."""
    try:
        return file.path / checked_path(entry.name)
    except IntakeRefusedError:
        return file.path


def _digest_of_entry(archive: BinaryIO, entry: ZipEntry) -> str:
    """Return the SHA-256 of an entry's content.

    Raises:
        ZipError: it is not what the directory says.
    """
    digest, size = hashlib.sha256(), 0
    for piece in read_content(archive, entry):
        size += len(piece)
        if size > entry.size:
            raise ZipError("zip-damaged")
        digest.update(piece)
    return digest.hexdigest()
