"""All probes, and what they mean for grading on this machine."""

from __future__ import annotations

from grader.doctor import machine, sandbox
from grader.doctor.results import Result, State
from grader.model.assignment import Limits
from grader.model.job import Isolation
from grader.sandbox import Namespaces, PlainProcess


def examine(limits: Limits) -> tuple[Isolation, tuple[Result, ...]]:
    """Run all probes; return the isolation level that grading gets here, and the results."""
    whole = sandbox.whole_sandbox(limits)
    level = Namespaces.NAME if whole.state is State.OK else PlainProcess.NAME
    return level, (
        whole,
        sandbox.user_namespaces(),
        sandbox.bubblewrap(),
        sandbox.system_call_filter(),
        sandbox.root(),
        sandbox.control_groups(),
        sandbox.landlock(),
        sandbox.overlay(),
        machine.memory(limits),
        machine.cores(limits),
        machine.shared_memory(),
        machine.processor(),
        machine.python(),
        *machine.libraries(),
        machine.locale(),
    )
