"""A whole class: many submissions, one gradebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grader.classroom.class_pass import ClassPass, Executor, PassResult, local_executor
from grader.classroom.gradebook import Row, missing_packages, row_of
from grader.classroom.pages import GRADEBOOK, publish
from grader.classroom.roster import read_roster
from grader.classroom.store import STUDENTS, Store, open_store
from grader.classroom.submissions import Entry, find_entries, read_class

if TYPE_CHECKING:
    from grader.classroom.cluster import cluster_executor

__all__ = [
    "GRADEBOOK",
    "STUDENTS",
    "ClassPass",
    "Entry",
    "Executor",
    "PassResult",
    "Row",
    "Store",
    "cluster_executor",
    "find_entries",
    "local_executor",
    "missing_packages",
    "open_store",
    "publish",
    "read_class",
    "read_roster",
    "row_of",
]


def __getattr__(name: str) -> Any:
    # Dask is an extra, and takes half a second to import.
    if name != "cluster_executor":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from grader.classroom.cluster import cluster_executor

    return cluster_executor
