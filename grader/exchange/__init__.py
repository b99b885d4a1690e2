"""What leaves the house and comes back: the students' handout, Gradescope's files, and older gradings."""

from grader.exchange.compare import compare, read_gradings, render_changes
from grader.exchange.gradescope import render_results, write_autograder
from grader.exchange.handout import choose_backbones, contents, left_out, write_handout

__all__ = [
    "choose_backbones",
    "compare",
    "contents",
    "left_out",
    "read_gradings",
    "render_changes",
    "render_results",
    "write_autograder",
    "write_handout",
]
