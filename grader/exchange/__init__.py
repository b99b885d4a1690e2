"""What leaves the house and comes back: the students' handout, Gradescope's files, and older gradings."""

from grader.exchange.compare import ONE, Change, Flip, Reason, compare, read_gradings, result_in_words
from grader.exchange.gradescope import render_results, write_autograder
from grader.exchange.handout import choose_backbones, contents, write_handout

__all__ = [
    "ONE",
    "Change",
    "Flip",
    "Reason",
    "choose_backbones",
    "compare",
    "contents",
    "read_gradings",
    "render_results",
    "result_in_words",
    "write_autograder",
    "write_handout",
]
