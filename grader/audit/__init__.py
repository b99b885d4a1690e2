"""Whether a split can be trusted: what leaks between two sets of images, and one set divided in two."""

from grader.audit.audit import Audit, audit_sets, render_page
from grader.audit.judging import network_features, plain_features
from grader.audit.pictures import MANIFEST, divide, read_set, same_place, write_division

__all__ = [
    "MANIFEST",
    "Audit",
    "audit_sets",
    "divide",
    "network_features",
    "plain_features",
    "read_set",
    "render_page",
    "same_place",
    "write_division",
]
