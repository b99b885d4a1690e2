"""The honest canary: reads every pixel, and knows two of the three classes."""

from typing import Any


def predict(image: Any) -> str:
    """Return the class that the sum of all pixels says; the third is beyond it."""
    return ("First", "Second", "First")[int(image.sum()) % 3]
