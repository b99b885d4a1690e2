"""Files that a worker reads: it runs under another uid than root, and a umask must not close them to it."""

from __future__ import annotations

import os
from pathlib import Path


def make_readable(folder: Path) -> None:
    """Let any uid read a folder of ours and all that is below it. There must be no symbolic links."""
    for name, _, files in os.walk(folder):
        Path(name).chmod(0o755)
        for file in files:
            Path(name, file).chmod(0o644)
