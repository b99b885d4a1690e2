"""The drawn demo set: 26 garbage classes sketched with OpenCV, for trying things out without real photos."""

from grader.demo.generate import DemoError, encoded, main, write_demo
from grader.demo.picture import FOLDERS, draw

__all__ = ["FOLDERS", "DemoError", "draw", "encoded", "main", "write_demo"]
