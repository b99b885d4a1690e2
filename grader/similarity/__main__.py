"""The process in which one submission is read: `reading.py` starts it, and takes the sketch it writes."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path, PurePosixPath
from typing import Any

from grader.model.submission import Submission, SubmittedFile
from grader.similarity.sketch import sketch_of, to_bytes


def main() -> None:
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
    main()
