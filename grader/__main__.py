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

from grader.errors import language_of, line
from grader.printable import short

# Exit code 1, which Python itself would end with, says that a submission is not gradable.
try:
    from grader.cli import main
except ImportError as error:
    said = line("not-loaded", reason=short(str(error)))
    sys.stderr.write(f"grader: {said.text(language_of(sys.argv[1:]))}\n")
    sys.exit(3)
except KeyboardInterrupt:
    sys.stderr.write(f"grader: {line('interrupted').text(language_of(sys.argv[1:]))}\n")
    sys.exit(130)

sys.exit(main())
