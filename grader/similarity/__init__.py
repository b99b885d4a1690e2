"""Which submissions of a class have heads or code alike, in groups."""

from grader.similarity.checkpoints import NEAR, SAME_START, compare_checkpoints
from grader.similarity.code import LEAST_GRAMS, LEAST_SHARE, ClassCode, CodeLink, Excerpt
from grader.similarity.reading import Given, HandedIn, collect, digests_of, given_to_all

__all__ = [
    "LEAST_GRAMS",
    "LEAST_SHARE",
    "NEAR",
    "SAME_START",
    "ClassCode",
    "CodeLink",
    "Excerpt",
    "Given",
    "HandedIn",
    "collect",
    "compare_checkpoints",
    "digests_of",
    "given_to_all",
]
