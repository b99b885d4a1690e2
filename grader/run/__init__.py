"""Asking a sandboxed worker one image at a time, and holding it to its limits."""

from grader.run.asking import interview, secret_order
from grader.run.recording import record

__all__ = ["interview", "record", "secret_order"]
