"""Where a submission's code runs: what it can see, what it may use, and how that is enforced."""

from grader.sandbox.forkable import ForkRule
from grader.sandbox.isolation import (
    AsForked,
    FirstThatWorks,
    IsolationLevel,
    OpenIsolation,
    Sandbox,
    best_isolation,
    open_isolation,
    sandbox_for,
)
from grader.sandbox.kernel import (
    CONTROLLERS,
    descendants,
    folders_of,
    is_delegated,
    listdir,
    own_group,
    read_bytes,
    read_text,
)
from grader.sandbox.launch import Launch
from grader.sandbox.namespaces import SETPRIV, Namespaces, find_bwrap, fork_server_for, spare_uids
from grader.sandbox.plain import ChildProcess, PlainProcess
from grader.sandbox.policy import environment_for, is_visible_inside
from grader.sandbox.starting import Child, Started, start_worker
from grader.sandbox.system_calls import ARCHITECTURES

__all__ = [
    "ARCHITECTURES",
    "CONTROLLERS",
    "SETPRIV",
    "AsForked",
    "Child",
    "ChildProcess",
    "FirstThatWorks",
    "ForkRule",
    "IsolationLevel",
    "Launch",
    "Namespaces",
    "OpenIsolation",
    "PlainProcess",
    "Sandbox",
    "Started",
    "best_isolation",
    "descendants",
    "environment_for",
    "find_bwrap",
    "folders_of",
    "fork_server_for",
    "is_delegated",
    "is_visible_inside",
    "listdir",
    "open_isolation",
    "own_group",
    "read_bytes",
    "read_text",
    "sandbox_for",
    "spare_uids",
    "start_worker",
]
