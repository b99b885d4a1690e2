"""The sentences of reports, pages and terminal, by their codes, in English and Chinese; and pages of them.

`messages.toml` has the findings, `causes.toml` which of them explains which others, `phrases.toml` what
several of them share, `words.toml` what is said around them, `seams.toml` what a program does to
photos, `doctor.toml` what the probes of a machine say, and `errors.toml` the lines that end a command
(:mod:`grader.errors` reads those).

A page shows one language and holds both: whatever is said stands there twice, each time marked with its
language, and two radio buttons and a style sheet choose. So no script is needed. Nothing is unescaped.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from grader.errors import LANGUAGES, Language, text_of
from grader.model.report import FindingPart
from grader.printable import printable, shown

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_SHARED = Path(__file__).parent
"""Where `page.html` is, which pages extend."""


def finding(
    code: str, images: int | None = None, about: Sequence[str] = (), /, **details: object
) -> FindingPart:
    """Return the finding of that code with its {braces} filled in.

    Args:
        code: of the catalogue.
        images: how many images it concerns, where that can be counted.
        about: names to group a class's findings by.
        details: what stands in the braces; a line of errors, in the language of each text. `headline` and
            `advice`, each with `_zh` besides, stand in the place of the general title and help.

    Raises:
        KeyError: there is no such code, or a detail that its text needs was not given.
    """
    message = table("messages")[code]
    filled = {language: _filling(details, language) for language in LANGUAGES}
    texts = {
        key: text.format(**filled["zh" if key.endswith("_zh") else "en"])
        for key, text in message.items()
        if key != "severity"
    }
    for key, particular in (("title", "headline"), ("help", "advice")):
        for end, language in (("", LANGUAGES[0]), ("_zh", LANGUAGES[1])):
            if text := filled[language].get(particular + end):
                texts[key + end] = str(text)
    return FindingPart(code=code, severity=message["severity"], images=images, about=tuple(about), **texts)


def phrase(language: Language, name: str, **details: object) -> str:
    """Return a part of a sentence that several findings share, with its {braces} filled in.

    Raises:
        KeyError: there is no such phrase, or a detail that its text needs was not given.
    """
    text: str = table("phrases")[name][language]
    return text.format(**details)


def words(language: Language, name: str, **details: object) -> str:
    """Return what pages and terminal say around the findings, with its {braces} filled in.

    English has other words for one thing than for several: where `count` is 1, `en_one` if there is one.

    Raises:
        KeyError: there are no such words, or a detail that they need was not given.
    """
    entry = table("words")[name]
    is_one = str(details.get("count")) == "1"  # a page's details are escaped already, and no numbers
    text: str = entry.get(f"{language}_one", entry[language]) if is_one else entry[language]
    return text.format(**details)


def has_words(name: str) -> bool:
    """Whether the pages have words of that name."""
    return name in table("words")


def general_title(code: str, language: Language) -> str:
    """Return a finding's title for many at once: what is particular to one is left out.

    Raises:
        KeyError: there is no such code.
    """
    title: str = table("messages")[code]["title" if language == "en" else "title_zh"]
    # Behind a colon or in brackets stands what one submission said; within a sentence an ellipsis will do.
    bare = re.sub(r"\s*[(（][^()（）]*\{[^()（）]*[)）]|\s*[:：]\s*\{.*", "", title)
    return re.sub(r"\{\w+\}", "…", bare)


def phase_words(phase: str) -> str:
    """Return the name of the words for a phase of the interview, such as `first prediction`."""
    return f"phase-{phase.replace(' ', '-')}"


def codes() -> frozenset[str]:
    """Return all codes of the catalogue."""
    return frozenset(table("messages"))


@cache
def explained_by(code: str) -> frozenset[str]:
    """Return the codes of the findings that a finding of this code explains."""
    rows = table("causes")["cause"]
    return frozenset(symptom for row in rows if code in row["codes"] for symptom in row["explain"])


@cache
def table(name: str) -> Mapping[str, Any]:
    """Return one of the tables of sentences beside this file, for example `messages`."""
    return tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text(encoding="utf-8"))


def environment_of(folder: Path) -> Environment:
    """Return the environment of the templates in a folder; a value that is missing is an error of ours."""
    environment = Environment(
        loader=FileSystemLoader([folder, _SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_neutral,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda value, digits=1: f"{100 * value:.{digits}f} %"
    environment.filters.update(before_figures=before_figures, beyond=beyond)
    environment.globals.update(say=say, both=both, words=words, phase_words=phase_words)
    return environment


def before_figures(text: str) -> str:
    """Return a reason up to the figures of its test, which stand in brackets, as a sentence."""
    for figures, end in ((r" \([^()]*\bp = ", "."), (r"（[^（）]*p = ", "。")):
        if found := re.search(figures, text):
            return text[: found.start()] + end
    return text


def beyond(text: str, title: str) -> str:
    """Return what a reason says beyond its title, where it begins with that."""
    rest = text.removeprefix(title).lstrip(" .:。：") if text.startswith(title) else text
    return rest[:1].upper() + rest[1:]


def say(name: str, **details: object) -> Markup:
    """Return words of the catalogue in both languages, the details escaped."""
    safe = {key: escape(value) for key, value in details.items()}
    texts = {language: Markup(words(language, name, **safe)) for language in LANGUAGES}  # noqa: S704 - ours
    return both(**texts)


def both(en: object, zh: object) -> Markup:
    """Return two texts, or pieces of a page, of which the one in the reader's language is shown."""
    return Markup('<span lang="en">{}</span><span lang="zh">{}</span>').format(en, zh)


def _filling(details: Mapping[str, object], language: Language) -> dict[str, object]:
    """Return what stands in the braces. Here, and nowhere later, what a student named comes into a report."""
    said = {name: text_of(value, language) for name, value in details.items()}
    return {name: shown(value) if isinstance(value, str) else value for name, value in said.items()}


def _neutral(value: object) -> object:
    """Take the characters out of a text that are for steering, escape codes and turned writing among them."""
    return type(value)(printable(value)) if isinstance(value, str) else value
