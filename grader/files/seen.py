"""What is seen of something that has a name, however it is held."""

from __future__ import annotations

import os
import stat


class ForeignLinkError(OSError):
    """The path leads through a link of somebody to whom what it leads to does not belong."""


class Seen:
    """What the file system says of a file, folder or anything else."""

    def __init__(self, status: os.stat_result) -> None:
        self.status = status
        """Of what is held, asked once."""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a plain file."""
        return stat.S_ISREG(self.status.st_mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link, which is never followed from here."""
        return stat.S_ISLNK(self.status.st_mode)
