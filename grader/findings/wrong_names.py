"""What is the matter with answers that name no class, and with answers that are all the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from grader.classes import ClassInfo
from grader.dialogue.frames import Answered
from grader.findings.catalogue import Language, finding, phrase
from grader.findings.exceptions import narrow
from grader.report.model import FindingPart
from grader.scoring.labels import LabelReader, normalised
from grader.scoring.score import Tally

HIDDEN_NAME = 24
"""Characters of a name that was said while a hidden image was in reach; enough of them would carry it out."""
_MOST_NAMES = 5
_FEWEST_ALIKE = 10
_LONGEST_NUMBER = 20
_NUMBER = re.compile(r"\W*\d{1,4}(\.0*)?\W*")


def findings_of_names(
    answers: Sequence[Answered | None], tally: Tally, classes: Sequence[ClassInfo]
) -> Iterator[FindingPart]:
    """Say which answers name no class, and why; and whether all are one."""
    reader = LabelReader(classes)
    if tally.wrong_types:
        count = sum(tally.wrong_types.values())
        detail = _listed(tally.wrong_types)
        yield finding("wrong-type", count, count=count, total=tally.total, detail=detail)
    yield from _unknown(tally, reader, classes)
    yield from _constant(answers, reader, classes)


def _unknown(tally: Tally, reader: LabelReader, classes: Sequence[ClassInfo]) -> Iterator[FindingPart]:
    """Sort the texts that name no class by what they are instead."""
    kinds: dict[str, Counter[str]] = {}
    for text, count in tally.unknown_labels.items():
        kinds.setdefault(_kind(text, reader), Counter())[text] = count
    for kind, texts in sorted(kinds.items()):
        count = sum(texts.values())
        details = _details(kind, texts, reader, classes)
        yield finding(kind, count, count=count, total=tally.total, **details)


def _kind(text: str, reader: LabelReader) -> str:
    if reader.category(text) is not None:
        return "category-not-class"
    if reader.class_within(text) is not None:
        return "more-than-a-name"
    if len(text) <= _LONGEST_NUMBER and _NUMBER.fullmatch(normalised(text)):
        return "number-not-name"
    return "unknown-label"


def _details(
    kind: str, texts: Counter[str], reader: LabelReader, classes: Sequence[ClassInfo]
) -> dict[str, str]:
    """Return what the finding of a kind says of its texts; the assignment's own names may be said in full."""
    listed = _listed(texts)
    if kind == "category-not-class":
        named = [info for text in _by_count(texts) if (info := reader.category(text)) is not None]
        return {
            "detail": _quoted((info.group or info.group_zh for info in named), "en"),
            "detail_zh": _quoted((info.group_zh or info.group for info in named), "zh"),
        }
    if kind == "more-than-a-name":
        within = [
            classes[index] for text in _by_count(texts) if (index := reader.class_within(text)) is not None
        ]
        return {
            "detail": listed,
            "meant": _quoted((info.name for info in within), "en"),
            "meant_zh": _quoted((info.zh or info.name for info in within), "zh"),
        }
    if kind == "number-not-name":
        return {"detail": listed}
    meant = [
        (narrow(text, HIDDEN_NAME), classes[index].name)
        for text in _by_count(texts)[:_MOST_NAMES]
        if (index := reader.near_miss(text)) is not None
    ]
    return {"detail": listed, "meant": _perhaps_meant(meant, "en"), "meant_zh": _perhaps_meant(meant, "zh")}


def _perhaps_meant(meant: Sequence[tuple[str, str]], language: Language) -> str:
    """Say for which classes wrong names probably stand; nothing if that is not known of any."""
    if not meant:
        return ""
    pairs = (phrase(language, "meant-by", said=said, class_name=name) for said, name in meant)
    return phrase(language, "perhaps-meant", names=("; " if language == "en" else "；").join(pairs))


def _constant(
    answers: Sequence[Answered | None], reader: LabelReader, classes: Sequence[ClassInfo]
) -> Iterator[FindingPart]:
    """Say if all answers are one, however it is spelled."""
    texts = [answer.label for answer in answers if answer is not None and answer.label is not None]
    if len(texts) < _FEWEST_ALIKE:
        return
    said = {text: reader.read(text) for text in set(texts)}
    if len({text if index is None else index for text, index in said.items()}) > 1:
        return
    index = said[texts[0]]
    if index is None:
        name = name_zh = narrow(texts[0], HIDDEN_NAME)
    else:
        name, name_zh = classes[index].name, classes[index].zh or classes[index].name
    yield finding("constant-answer", detail=_quoted([name], "en"), detail_zh=_quoted([name_zh], "zh"))


def _by_count(counted: Counter[str]) -> list[str]:
    return sorted(counted, key=lambda name: (-counted[name], name))


def _listed(counted: Counter[str]) -> str:
    names = _by_count(counted)
    shown = ", ".join(f"{narrow(name, HIDDEN_NAME)!r} x {counted[name]}" for name in names[:_MOST_NAMES])
    return shown + (", ..." if len(names) > _MOST_NAMES else "")


def _quoted(names: Iterable[str], language: Language) -> str:
    """Quote some names of the assignment, each once."""
    some = list(dict.fromkeys(names))
    if language == "zh":
        return "、".join(f"“{name}”" for name in some[:_MOST_NAMES]) + ("等" if some[_MOST_NAMES:] else "")
    return ", ".join(map(repr, some[:_MOST_NAMES])) + (", ..." if some[_MOST_NAMES:] else "")
