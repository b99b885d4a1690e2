"""What a probe found, said in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from grader.errors import LANGUAGES, Language, text_of
from grader.wording import table

_SUFFIX: Mapping[Language, str] = {"en": "", "zh": "_zh"}


class State(str, Enum):
    """How good it is."""

    OK = "ok"
    WARNING = "warning"
    """Grading works; something could be better, or is worth knowing."""
    PROBLEM = "problem"
    """Official grading does not work here, or would not be right."""


@dataclass(frozen=True)
class Result:
    """One probe's result."""

    name: str
    state: State
    found: str
    """In plain words."""
    remedy: str
    """What to do; empty where nothing has to be done."""
    name_zh: str
    found_zh: str
    remedy_zh: str

    def texts(self, language: Language) -> tuple[str, str, str]:
        """Return name, what was found, and remedy."""
        if language == "zh":
            return self.name_zh, self.found_zh, self.remedy_zh
        return self.name, self.found, self.remedy


def result(code: str, /, **details: object) -> Result:
    """Return the result of that code of `doctor.toml`, its braces filled in.

    The name of the probe is what the code begins with, or else the detail `name`: of a library its own.

    Raises:
        KeyError: there is no such code, or a detail that its text needs was not given.
    """
    row = table("doctor")["results"][code]
    names = table("doctor")["names"].get(code.partition("-")[0])
    texts: dict[str, str] = {}
    for language in LANGUAGES:
        filling = {name: text_of(detail, language) for name, detail in details.items()}
        texts[f"name{_SUFFIX[language]}"] = names[language] if names else str(details["name"])
        for part in ("found", "remedy"):
            key = f"{part}{_SUFFIX[language]}"
            texts[key] = row.get(key, "").format(**filling)
    return Result(state=State(row["state"]), **texts)
