"""How all pages are made of their templates: two languages in one file, and nothing unescaped.

A page shows one language and holds both: whatever is said stands there twice, each time marked with its
language, and two radio buttons and a style sheet choose. So no script is needed.
"""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from grader.errors import LANGUAGES
from grader.printable import printable
from grader.wording.catalogue import phase_words, words

_SHARED = Path(__file__).parent
"""Where `page.html` is, which pages extend."""


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
    environment.globals.update(say=say, both=both, words=words, phase_words=phase_words)
    return environment


def say(name: str, **details: object) -> Markup:
    """Return words of the catalogue in both languages, the details escaped."""
    safe = {key: escape(value) for key, value in details.items()}
    texts = {language: Markup(words(language, name, **safe)) for language in LANGUAGES}  # noqa: S704 - ours
    return both(**texts)


def both(en: object, zh: object) -> Markup:
    """Return two texts, or pieces of a page, of which the one in the reader's language is shown."""
    return Markup('<span lang="en">{}</span><span lang="zh">{}</span>').format(en, zh)


def _neutral(value: object) -> object:
    """Take the characters out of a text that are for steering, escape codes and turned writing among them."""
    return type(value)(printable(value)) if isinstance(value, str) else value
