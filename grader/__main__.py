"""`python -m grader`."""

import os
import sys
from contextlib import suppress
from pathlib import Path

# Python looks into the working folder first, which may be a student's, with a `datasets` in it. In its place
# comes the folder that the grader lies in. Of a working folder that is gone, nothing is found.
with suppress(FileNotFoundError):
    if sys.path[0] == os.getcwd():  # noqa: PTH109 - compared with what Python itself put there
        own = str(Path(__file__).parents[1])
        sys.path[:1] = [] if own in sys.path[1:] else [own]

from grader.cli import main

sys.exit(main())
