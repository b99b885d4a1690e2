"""Asking a sandboxed worker one image at a time, and holding it to its limits."""

from grader.run.asking import Start, secret_order
from grader.run.recording import RecordedWorker, record
from grader.run.replay import ask_again, says_other
from grader.run.together import interview

__all__ = ["RecordedWorker", "Start", "ask_again", "interview", "record", "says_other", "secret_order"]
