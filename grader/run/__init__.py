"""Asking a sandboxed worker one image at a time, and holding it to its limits."""
