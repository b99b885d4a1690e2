"""What a grading found, in words: its verdict and its findings, the first thing to mend first."""

from grader.findings.collect import findings_of, stop_in_words, verdict_of

__all__ = ["findings_of", "stop_in_words", "verdict_of"]
