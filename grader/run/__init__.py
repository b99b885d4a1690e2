"""Asking a sandboxed worker one image at a time, and holding it to its limits."""

from grader.run.asking import ask_again, interview, says_other, secret_order
from grader.run.recording import RecordedWorker, record

__all__ = ["RecordedWorker", "ask_again", "interview", "record", "says_other", "secret_order"]
