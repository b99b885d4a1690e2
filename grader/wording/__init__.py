"""Every sentence that the grader says, in English and Chinese, and how pages are made of them."""

from grader.wording.catalogue import (
    both,
    codes,
    environment_of,
    explained_by,
    finding,
    general_title,
    has_words,
    phase_words,
    phrase,
    table,
    words,
)

__all__ = [
    "both",
    "codes",
    "environment_of",
    "explained_by",
    "finding",
    "general_title",
    "has_words",
    "phase_words",
    "phrase",
    "table",
    "words",
]
