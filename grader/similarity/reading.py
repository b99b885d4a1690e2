"""Reading one submission in a process of its own, which is stopped where it takes too much of anything.

What a student handed in may be made to grow when it is read. The readers have bounds of their own; behind
them stand the kernel's, on memory, processor time and what is written, on a process that holds nothing of
ours: it gets the paths of the private copy, and gives one sketch of bounded size. Its time is the
processor's, so that a busy machine makes nobody unreadable.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from grader.model.assignment import MIB, Limits
from grader.model.submission import Submission, SubmittedFile
from grader.sandbox.policy import environment_for
from grader.similarity.sketch import Sketch, from_bytes, sketch_of, to_bytes, unread_sketch

BOUNDS = {"RLIMIT_CPU": 20, "RLIMIT_DATA": 400 * MIB, "RLIMIT_FSIZE": 64 * MIB, "RLIMIT_CORE": 0}
"""Seconds and bytes. A submission with four checkpoints of 256 MiB takes 5 s and 60 MiB."""
_PACKAGES = Path(__file__).parents[2]


def read_submission(submission: Submission, classes: int, limits: Limits) -> Sketch:
    """Return the sketch of a submission, or of one that cannot be read what there is without reading.

    Args:
        submission: the private copy.
        classes: how many there are in the assignment.
        limits: of the assignment; its threads.

    Raises:
        OSError: no process can be started.
    """
    request = {
        "folder": str(submission.folder),
        "files": [[str(file.path), file.size, file.sha256] for file in submission.files],
        "classes": classes,
        "bounds": BOUNDS,
    }
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    with tempfile.TemporaryFile() as written:
        done = subprocess.run(
            [sys.executable, "-s", "-B", "-m", "grader.similarity.reading"],
            input=json.dumps(request).encode("ascii"),
            stdout=written,
            stderr=subprocess.DEVNULL,
            env={**environment_for(submission.folder, limits), **threads, "PYTHONPATH": str(_PACKAGES)},
            cwd="/",
            check=False,
        )
        written.seek(0)
        sketch = None if done.returncode else from_bytes(written.read(), "")
    return unread_sketch(submission) if sketch is None else sketch


def _main() -> None:
    """Read what is asked for on standard input; write its sketch to standard output."""
    request: dict[str, Any] = json.load(sys.stdin)
    for name, most in request["bounds"].items():
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(number, (most, most))
    files = tuple(SubmittedFile(PurePosixPath(path), size, sha256) for path, size, sha256 in request["files"])
    submission = Submission(name="", folder=Path(request["folder"]), files=files, sha256="")
    sys.stdout.buffer.write(to_bytes(sketch_of(submission, request["classes"]), ""))


if __name__ == "__main__":
    _main()
