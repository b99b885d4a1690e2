"""The option that names public images, which several commands have."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_public(parser: argparse.ArgumentParser) -> None:
    """Give a parser `--public`."""
    parser.add_argument(
        "--public",
        type=Path,
        metavar="DIR",
        help="images that students have: the diagnosis asks about some of them, too, to tell what was learnt "
        "by heart (default: the assignment's own)",
    )
