"""The class lists, as the grader holds them: `load_classes(GARBAGE26)`."""

from grader.model.dataset import FLOWERS5, GARBAGE26, ClassInfo, load_classes, parse_classes

__all__ = ["FLOWERS5", "GARBAGE26", "ClassInfo", "load_classes", "parse_classes"]
