"""Mutated input for everything that parses what it was given: `python -m tests.fuzz TARGET --count N`.

    frames      the answer channel: what a submission writes to it in place of the worker's frames
    archives    intake: a .zip that somebody handed in
    checkpoints intake: a checkpoint, of which only the outside is looked at
    tensors     similarity: a checkpoint, of which the numbers are looked at
    sealed      a sealed split that was changed on its way
    containers  what is inside a sealed split, by somebody who has the key

Every case starts from a sound input and is changed in one to four places. It must be refused in the way that
is foreseen, or accepted with a sound result; the check of each target says what that means. An exception of
another kind, a wrong result, or ten seconds over one case is a finding: its bytes are written to a file, and the
command ends with exit code 1. The same seed gives the same cases.
"""

from __future__ import annotations

import argparse
import collections
import io
import json
import math
import random
import signal
import struct
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grader.files import digest_of_bytes
from grader.formats import UnreadableError, tensors_of
from grader.intake import IntakeRefusedError, take_in
from grader.intake.intake import look_at_checkpoint
from grader.model.assignment import Limits
from grader.model.dataset import ClassInfo, SplitImage
from grader.run.frames import MAX_TEXT, Answered, FrameError, FrameReader, NotReady
from grader.sketch import head_of
from grader.split.sealed import ContainerError, UnsealError, pack, seal, unpack, unseal
from tests.zip_bytes import Entry, packed, unicode_path

SECONDS_A_CASE = 10
_KEY = bytes(range(32))
_CLASSES = (ClassInfo("00", "Hats", "帽子"), ClassInfo("01 纸", "Paper"))
_IMAGES = tuple(
    SplitImage(f"{_CLASSES[n % 2].folder}/{n:03d}.jpg", n % 2, bytes([n]) * (1 + 9000 * n))
    for n in (*range(0, 10, 2), *range(1, 10, 2))
)


@dataclass(frozen=True)
class Target:
    """One parser.

    Attributes:
        samples: sound inputs.
        check: parse a case; returns what came of it in a word. AssertionError and every other exception is
            a finding.
    """

    samples: Sequence[bytes]
    check: Callable[[bytes, random.Random], str]


# --- frames ----------------------------------------------------------------------------------


def _frame(value: object) -> bytes:
    body = json.dumps(value).encode("ascii")
    return struct.pack("!I", len(body)) + body


def _frames() -> Target:
    error = {"type": "ValueError", "message": "图像 \ud800", "where": "main.py:1", "trace": "t" * 200}
    values: list[object] = [
        {"ready": False},
        {"ready": True},
        {"number": 2**31 - 1, "label": "Plastic Bottle"},
        {"number": 6, "label": "Hats", "opened": True},
        {"number": 5, "type": "ndarray"},
        {"number": 7, "error": error},
        {"stage": "import", "error": error},
    ]
    samples = [_frame(value) for value in values]
    return Target([*samples, b"".join(samples)], _check_frames)


def _check_frames(data: bytes, chance: random.Random) -> str:
    """Frames or FrameError, the same however the bytes arrive, and every text fit for a report."""
    whole = _read([data])
    cut = chance.randrange(len(data) + 1)
    assert _read([data[:cut], data[cut:]]) == whole
    for frame in whole[0]:
        if isinstance(frame, Answered):
            assert 0 <= frame.number < 2**31
            assert [frame.label, frame.wrong_type, frame.error].count(None) == 2
        error = frame.error if isinstance(frame, Answered | NotReady) else None
        texts = [error.type, error.message, error.where, error.trace] if error else []
        if isinstance(frame, Answered):
            texts += [text for text in (frame.label, frame.wrong_type) if text is not None]
        for text in texts:
            assert len(text) <= MAX_TEXT
            text.encode("utf-8")
    return "refused" if whole[1] else "accepted" if whole[0] else "incomplete"


def _read(pieces: Sequence[bytes]) -> tuple[list[object], bool]:
    reader, frames = FrameReader(), list[object]()
    try:
        for piece in pieces:
            frames.extend(reader.feed(piece))
    except FrameError:
        return frames, True
    return frames, False


# --- archives --------------------------------------------------------------------------------


def _archives() -> Target:
    files = {"main.py": b"def predict(image): return 'Hats'\n" * 20, "results/net.ckpt": bytes(range(256)) * 8, "说明.txt": "垃圾".encode() * 50, "empty": b""}  # fmt: skip
    samples = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        for folder in ("", "组 1/"):
            stream = io.BytesIO()
            with zipfile.ZipFile(stream, "w", method) as zipped:
                for name, content in files.items():
                    zipped.writestr(folder + name, content)
            samples.append(stream.getvalue())
    entries = [
        Entry(
            name.encode("gbk"), content, deflated=True, extra=unicode_path(name.encode(), name.encode("gbk"))
        )
        for name, content in files.items()
    ]
    samples += [
        packed(entries),
        packed(entries, zip64=True),
        packed(entries, zip64=True, sizes_elsewhere=True),
    ]
    contents = {digest_of_bytes(content) for content in files.values()}
    return Target(samples, lambda data, _: _check_archive(data, contents))


def _check_archive(data: bytes, contents: set[str]) -> str:
    """A submission of files that were packed, inside the workspace and nowhere else, or a refusal."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        archive = root / "a" / "zhang.zip"
        archive.parent.mkdir()
        archive.write_bytes(data)
        try:
            submission = take_in(
                archive, root / "b" / "workspace", Limits(submission_mib=1, submission_files=50)
            )
        except IntakeRefusedError:
            return "refused"
        finally:
            inside = root / "b" / "workspace" / "submission"
            stray = [p for p in root.rglob("*") if p.is_file() and p != archive and inside not in p.parents]
            assert not stray, stray
            assert not any(path.is_symlink() for path in root.rglob("*"))
        for file in submission.files:
            assert digest_of_bytes((submission.folder / file.path).read_bytes()) == file.sha256
            assert file.sha256 in contents, f"{file.path} is not as it was packed"
    return "accepted"


# --- checkpoints -----------------------------------------------------------------------------


def _checkpoints() -> Target:
    samples = []
    for save in (np.savez, np.savez_compressed):
        stream = io.BytesIO()
        save(stream, weight=np.arange(60.0), bias=np.ones(5))
        samples.append(stream.getvalue())
    # As MindSpore's checkpoint.proto has it: name, then type and content of the tensor; the last has a checksum.
    parameter = b"\x0a\x1e\x0a\x06weight\x12\x14\x12\x07Float32\x1a\x09" + bytes(9)
    rows = parameter * 9
    samples += [rows, rows + b"crc_num" + zlib.crc32(rows).to_bytes(10, "big")]
    return Target(samples, lambda data, _: _check_checkpoint(data))


def _check_checkpoint(data: bytes) -> str:
    """Nothing is raised, and parameters are counted only where none can be missing."""
    with tempfile.NamedTemporaryFile(suffix=".ckpt") as file:
        file.write(data)
        file.flush()
        state = look_at_checkpoint(Path(file.name))
    if state.parameters is None:
        return "accepted" if data.startswith(b"PK") and not state.defect else "refused"
    assert not state.defect
    assert state.parameters <= len(data) // 3
    return "accepted"


# --- tensors ---------------------------------------------------------------------------------


def _tensors() -> Target:
    weights = np.arange(80, dtype="<f4").reshape(4, 20)
    raw = weights.tobytes()
    # name, then dimensions, type and content of the tensor
    tensor = b"\x08\x04\x08\x14\x12\x07Float32\x1a\xc0\x02" + raw
    parameter = b"\x0a\x06weight\x12\xd0\x02" + tensor
    mindspore = (b"\x0a\xdb\x02" + parameter) * 2
    header = json.dumps({"weight": {"dtype": "F32", "shape": [4, 20], "data_offsets": [0, len(raw)]}})
    safetensors = len(header).to_bytes(8, "little") + header.encode("ascii") + raw
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as zipped:
        for number, content in enumerate((raw, bytes(16))):
            zipped.writestr(f"net/data/{number}", content)
    return Target([mindspore, safetensors, stream.getvalue()], lambda data, _: _check_tensors(data))


def _check_tensors(data: bytes) -> str:
    """Tensors whose bytes are the file's and fit their shapes, and a head of sound numbers; or a refusal."""
    found = []
    for suffix in (".ckpt", ".safetensors"):
        try:
            tensors = tensors_of(data, suffix)
        except UnreadableError:
            continue
        assert sum(len(tensor.content) for tensor in tensors) <= len(data)
        for tensor in tensors:
            assert tensor.shape is None or math.prod(tensor.shape) == tensor.size
            assert len(tensor.numbers()) == tensor.size
        with np.errstate(over="raise", invalid="raise"):  # else numpy writes a warning into a terminal
            head = head_of(tensors, 4)
        assert head is None or np.isfinite(head[1]).all()
        found += tensors
    return "accepted" if found else "refused"


# --- sealed splits ---------------------------------------------------------------------------


def _sealed() -> Target:
    sample = seal(_KEY, pack(_IMAGES, _CLASSES))
    return Target([sample], lambda data, _: _check_sealed(data, sample))


def _check_sealed(data: bytes, sample: bytes) -> str:
    """Only the file as it was sealed is accepted, and it holds what was sealed."""
    try:
        content = unpack(unseal(_KEY, data))
    except (UnsealError, ContainerError):
        return "refused"
    assert data == sample, "a changed file was accepted"
    assert content == (_IMAGES, _CLASSES)
    return "accepted, unchanged"


def _containers() -> Target:
    small = [SplitImage(image.name, image.label, image.encoded[:9]) for image in _IMAGES]
    return Target([pack(_IMAGES, _CLASSES), pack(small, _CLASSES)], lambda data, _: _check_container(data))


def _check_container(data: bytes) -> str:
    """What is accepted is all of the data, under names that lead into a class's folder and nowhere else."""
    try:
        images, classes = unpack(data)
    except ContainerError:
        return "refused"
    for image in images:
        folder, file = image.name.split("/")
        assert folder == classes[image.label].folder
        assert folder not in ("", ".", "..")
        assert not file.startswith(".")
        assert image.encoded
    assert len({image.name for image in images}) == len(images)
    assert data.endswith(b"".join(image.encoded for image in images))
    return "accepted"


# --- mutation --------------------------------------------------------------------------------

TARGETS: dict[str, Callable[[], Target]] = {
    "frames": _frames,
    "archives": _archives,
    "checkpoints": _checkpoints,
    "tensors": _tensors,
    "sealed": _sealed,
    "containers": _containers,
}
_INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutated(data: bytes, samples: Sequence[bytes], chance: random.Random) -> bytes:
    """Return `data` changed in one to four places."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        _mutate(changed, samples, chance)
    return bytes(changed)


def _mutate(data: bytearray, samples: Sequence[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    length = min(chance.choice((1, 2, 4, 16, 200)), len(data) - at)
    match chance.randrange(9):
        case 0 if at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        case 1 if at < len(data):
            data[at] = chance.randrange(256)
        case 2:
            number, order = chance.choice(_INTERESTING), chance.choice("<>")
            data[at : at + 4] = struct.pack(f"{order}I", number)
        case 3:
            del data[at : at + length]
        case 4:
            data[at:at] = data[at : at + length]
        case 5:
            data[at:at] = chance.randbytes(length)
        case 6:
            del data[at:]
        case 7:
            other = chance.choice(samples)
            begin = chance.randrange(len(other))
            data[at:at] = other[begin : begin + length]
        case 8:
            to = chance.randrange(len(data) + 1)
            data[to : to + length], data[at : at + length] = data[at : at + length], data[to : to + length]


def fuzz(name: str, count: int, seed: int) -> tuple[collections.Counter[str], bytes | None]:
    """Try `count` cases; return how many came to what, and the first case that is a finding."""
    signal.signal(signal.SIGALRM, _too_long)
    target = TARGETS[name]()
    chance = random.Random(seed)
    outcomes: collections.Counter[str] = collections.Counter()
    for sample in target.samples:
        assert target.check(sample, chance).startswith("accepted"), "a sound input was refused"
    for _ in range(count):
        data = mutated(chance.choice(target.samples), target.samples, chance)
        signal.alarm(SECONDS_A_CASE)
        try:
            outcomes[target.check(data, chance)] += 1
        except Exception as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            return outcomes, data
        finally:
            signal.alarm(0)
    return outcomes, None


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.monotonic()
    outcomes, found = fuzz(options.target, options.count, options.seed)
    said = ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items()))
    sys.stdout.write(
        f"{options.target}: {outcomes.total()} cases in {time.monotonic() - began:.0f} s: {said}\n"
    )
    if found is None:
        return 0
    path = Path(tempfile.gettempdir(), f"finding-{options.target}-{options.seed}-{outcomes.total()}")
    path.write_bytes(found)
    sys.stdout.write(f"a finding: {path}\n")
    return 1


def _too_long(*_: object) -> None:
    raise TimeoutError(f"more than {SECONDS_A_CASE} s over one case")


if __name__ == "__main__":
    sys.exit(main())
