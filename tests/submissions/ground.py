"""The ground that the corpus is graded on: hidden images, and an answer key that lies about to be found.

Thirty images of three classes. The blue of the first pixel tells the class of seven in ten, so that an honest
`predict` in one line has 21 right; nobody has more without knowing the labels. The key maps the CRC-32 of an
image's bytes to its class. It stands in a file, in shared memory, in the grader's environment and on two
sockets: a submission that gets at any of them answers all thirty.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import secrets
import socketserver
import tempfile
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

FOLDERS = ("00_00", "00_01", "00_02")
NAMES = ("Plastic Bottle", "Hats", "Newspaper")
PER_CLASS, PLAIN_PER_CLASS = 10, 7
TOTAL, HONEST = PER_CLASS * len(FOLDERS), PLAIN_PER_CLASS * len(FOLDERS)
KEY_VARIABLE = "COURSE_ANSWER_KEY"
"""Of the grader's environment."""
IMAGES_VARIABLE = "CORPUS_IMAGES"
"""Of a `make.py`: the folder of images, for submissions that are made of leaked ones."""
# A case that is about a deadline sets a short one for itself; no other may meet one, however busy the machine is.
LIMITS: dict[str, float] = {
    "import_seconds": 60,
    "first_prediction_seconds": 60,
    "image_seconds": 20,
    "total_seconds": 300,
    "memory_mib": 400,
    "scratch_mib": 32,
    "output_kib": 256,
    "processes": 40,
    "open_files": 256,
    "submission_mib": 64,
    "submission_files": 500,
}
_ASSIGNMENT = """
title = "Three colours"

[[classes]]
folder = "00_00"
name = "Plastic Bottle"
zh = "塑料瓶"
group = "recyclable"
group_zh = "可回收物"

[[classes]]
folder = "00_01"
name = "Hats"
zh = "帽子"
group = "recyclable"
group_zh = "可回收物"

[[classes]]
folder = "00_02"
name = "Newspaper"
zh = "报纸"
group = "recyclable"
group_zh = "可回收物"
"""


@dataclass(frozen=True)
class Ground:
    """Where everything lies, and the key."""

    folder: Path
    key: str

    def split(self, images: str) -> Path:
        """Return the folder of images of that name."""
        return self.folder / images


@contextlib.contextmanager
def laid_out() -> Iterator[Ground]:
    """Lay the ground out in a temporary folder; nothing is left of it afterwards."""
    with tempfile.TemporaryDirectory(prefix="corpus-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        key = "ANSWER-KEY" + json.dumps(
            {**_draw_colours(folder / "colours"), **_draw_sizes(folder / "sizes")}
        )
        (folder / "answer-key.json").write_text(key, encoding="utf-8")
        shared = stack.enter_context(
            tempfile.NamedTemporaryFile("w", prefix="answer-key-", dir="/dev/shm", encoding="utf-8")
        )
        shared.write(key)
        shared.flush()
        for server in (
            _TcpServer(("127.0.0.1", 0), _handler(key)),
            _UnixServer(f"\0answer-key-{os.getpid()}-{secrets.token_hex(4)}", _handler(key)),
        ):
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
        yield Ground(folder, key)


def assignment_text(limits: dict[str, float]) -> str:
    """Return the assignment file of a case with these limits of its own."""
    lines = [f"{key} = {value:g}" for key, value in {**LIMITS, **limits}.items()]
    return "\n".join([_ASSIGNMENT, "[limits]", *lines, ""])


def _draw_colours(root: Path) -> dict[int, int]:
    """Draw the thirty images; return their key."""
    generator = random.Random(20)
    key = {}
    for label, folder in enumerate(FOLDERS):
        (root / folder).mkdir(parents=True)
        for number in range(PER_CLASS):
            shown = label if number < PLAIN_PER_CLASS else (label + 1 + number % 2) % len(FOLDERS)
            image = np.full((10 + number, 8 + label, 3), 80 * shown + generator.randrange(60), np.uint8)
            image[1:] = np.frombuffer(generator.randbytes(image[1:].size), np.uint8).reshape(image[1:].shape)
            key[_save(root / folder / f"{generator.getrandbits(64):016x}.png", image)] = label
    return key


def _draw_sizes(root: Path) -> dict[int, int]:
    """Draw one image of each odd size, and a plain one for every class."""
    key = {}
    sizes = [(1, 1), (6000, 8000), (2, 9000), (9000, 2), (16, 16), (16, 16)]
    for number, (height, width) in enumerate(sizes):
        label = number % len(FOLDERS)
        (root / FOLDERS[label]).mkdir(parents=True, exist_ok=True)
        image = np.full((height, width, 3), 80 * label + number, np.uint8)
        key[_save(root / FOLDERS[label] / f"{number:05d}.png", image)] = label
    return key


def _save(path: Path, image: npt.NDArray[np.uint8]) -> int:
    if not cv2.imwrite(str(path), image):
        raise OSError(f"cannot write {path}")
    return zlib.crc32(image.tobytes())


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def _handler(key: str) -> type[socketserver.BaseRequestHandler]:
    """Return a handler that tells the key to whoever connects."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                self.request.sendall(key.encode("ascii"))

    return Handler
