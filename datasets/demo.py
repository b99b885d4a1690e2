"""The drawn demo set, as the grader holds it; `python -m datasets.demo --out DIR` draws it."""

import sys

from grader.demo import FOLDERS, DemoError, draw, main, write_demo

__all__ = ["FOLDERS", "DemoError", "draw", "main", "write_demo"]

if __name__ == "__main__":
    sys.exit(main())
