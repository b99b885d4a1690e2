"""`python -m datasets.demo --out DIR`: draw the demo set."""

import sys

from datasets.demo.cli import main

if __name__ == "__main__":
    sys.exit(main())
