"""The message catalogue: every sentence a report may say, in English and Chinese."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

from grader.report.model import FindingPart

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FILE = Path(__file__).with_name("messages.toml")


def finding(code: str, **details: object) -> FindingPart:
    """Return the finding of that code with its {braces} filled in.

    Raises:
        KeyError: there is no such code, or a detail that its text needs was not given.
    """
    message = _messages()[code]
    texts = {key: text.format(**details) for key, text in message.items() if key != "severity"}
    return FindingPart(code=code, severity=message["severity"], **texts)


def codes() -> frozenset[str]:
    """Return all codes of the catalogue."""
    return frozenset(_messages())


@cache
def _messages() -> dict[str, Any]:
    messages: dict[str, Any] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return messages
