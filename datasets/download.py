"""A download that goes on where it broke off, and never writes over a file of somebody else's.

What has arrived lies in `NAME.part`, and beside it a note, `NAME.part.json`, which says where it comes from
and which version of the file it is (the server's ETag, or the date of its last change). A server that has
another version by now, or that cannot send the rest alone, sends all of it again. A `NAME.part` without such
a note was begun by somebody else, and stays as it is.

Nothing but Python's own library is needed.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path

MAX_BYTES = 2 << 30
_CHUNK = 1 << 16
_SECONDS_WITHOUT_A_BYTE = 60.0
_NO_SUCH_RANGE = 416
_KEYS = {"url", "version"}


class FetchError(Exception):
    """What ends the command, in one line.

    Attributes:
        is_input: something given or found is wrong, rather than the network.
    """

    def __init__(self, line: str, is_input: bool = True) -> None:
        super().__init__(line)
        self.is_input = is_input


def download(url: str, target: Path) -> Path:
    """Download into `target` with `.part` added, going on with what is there, and return that path.

    Raises:
        FetchError: the address cannot be reached, breaks off or sends too much; or a file is in the way.
    """
    part = target.with_name(f"{target.name}.part")
    version = _check_is_ours(part, url)
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        begin = part.stat().st_size if part.exists() and version else 0
        try:
            _receive(url, part, begin, version)
        except urllib.error.HTTPError as error:
            if error.code != _NO_SUCH_RANGE:
                raise
            _receive(url, part, 0, "")  # all of it is there, or it is another file by now
    except (urllib.error.URLError, HTTPException, OSError, ValueError) as error:
        reason = error if isinstance(error, urllib.error.HTTPError) else getattr(error, "reason", error)
        raise FetchError(
            f"cannot download 无法下载 {url}: {reason}; run the command again to go on, or give the file"
            " with --from 请重新运行（会续传），或用 --from 指定已下载的文件",
            is_input=False,
        ) from None
    return part


def forget(part: Path) -> None:
    """Remove a download and its note."""
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _receive(url: str, part: Path, begin: int, version: str) -> None:
    headers = {"User-Agent": "lab-handout"}
    if begin:
        headers |= {"Range": f"bytes={begin}-", "If-Range": version}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=_SECONDS_WITHOUT_A_BYTE) as reply:  # noqa: S310
        if reply.headers.get_content_type() == "text/html":
            # What has arrived so far is right, and stays.
            raise OSError(
                "a web page came in place of the file: from a proxy, or a page to log in 收到的是网页"
            )
        goes_on = begin > 0 and (reply.headers.get("Content-Range") or "").startswith(f"bytes {begin}-")
        begin = begin if goes_on else 0
        note = {"url": url, "version": reply.headers.get("ETag") or reply.headers.get("Last-Modified") or ""}
        if not goes_on:
            part.unlink(missing_ok=True)  # before the note that would make it part of another file
        _note(part).write_text(json.dumps(note), encoding="utf-8")
        announced = int(reply.headers.get("Content-Length") or -begin) + begin
        with part.open("ab" if goes_on else "wb") as file:
            _copy(reply, file.write, begin, announced)
    received = part.stat().st_size
    if announced and received != announced:
        raise OSError(f"it broke off after {received} of {announced} bytes 中断")


def _copy(reply: HTTPResponse, write: Callable[[bytes], object], begin: int, announced: int) -> None:
    done = begin
    while chunk := reply.read(_CHUNK):
        write(chunk)
        done += len(chunk)
        if done > MAX_BYTES:
            raise OSError(f"more than {MAX_BYTES >> 20} MiB 文件过大")
        if sys.stderr.isatty():
            share = f" of {announced / 1e6:.0f}" if announced else ""
            print(f"\r{done / 1e6:.0f}{share} MB", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)


def _check_is_ours(part: Path, url: str) -> str:
    """Return the version of what is there from this address; "" where there is nothing to go on with.

    Raises:
        FetchError: a file or its note is somebody else's.
    """
    note = _note(part)
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
    except FileNotFoundError:
        found = None
    except (OSError, ValueError):
        found = {}
    if found is None and not (part.exists() or part.is_symlink()):
        return ""
    if not (isinstance(found, dict) and found.keys() == _KEYS) or part.is_symlink():
        there = note if found is not None else part
        raise FetchError(
            f"{there}: exists, and is not of this command; move it away 该文件不是本命令留下的，请先移走"
        )
    return str(found["version"]) if found["url"] == url else ""


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")
