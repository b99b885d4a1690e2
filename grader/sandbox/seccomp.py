"""The refusals as this machine's kernel takes them."""

from __future__ import annotations

import base64
import platform
from collections.abc import Sequence

from grader.sandbox.bpf import assemble
from grader.sandbox.refusals import Refusal
from grader.sandbox.system_calls import ARCHITECTURES


def program(refusals: Sequence[Refusal]) -> bytes | None:
    """Return the compiled program for this machine; None where its system calls are not known to us."""
    architecture = ARCHITECTURES.get(platform.machine())
    return assemble(architecture, refusals) if architecture else None


def for_worker(refusals: Sequence[Refusal]) -> dict[str, str | int]:
    """Return what the worker needs to install the program by itself; empty where there is none."""
    architecture = ARCHITECTURES.get(platform.machine())
    if architecture is None:
        return {}
    compiled = base64.b64encode(assemble(architecture, refusals)).decode("ascii")
    return {"call": architecture.numbers["seccomp"], "program": compiled}
