"""Asking a sandboxed worker one image at a time, and holding it to its limits."""

from grader.run.asking import interview, secret_order

__all__ = ["interview", "secret_order"]
