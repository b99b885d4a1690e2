"""Asking a sandboxed worker one image at a time, and holding it to its limits."""

from grader.run.asking import interview, secret_order
from grader.run.worker import PROCESSOR_TIME

__all__ = ["PROCESSOR_TIME", "interview", "secret_order"]
