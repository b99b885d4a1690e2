"""What is the matter with checkpoints, as far as their outside tells, and with answers that name no class."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from grader.errors import Language
from grader.model.dataset import ClassInfo
from grader.model.predictions import Prediction, Tally
from grader.model.report import FindingPart
from grader.model.submission import ENCRYPTED_FORMAT, EXPECTED, Submission, SubmittedFile
from grader.printable import narrow, short
from grader.scoring import LabelReader, normalised, reader_of
from grader.wording import finding, phrase

HIDDEN_NAME = 24
"""Characters of a name that was said while a hidden image was in reach; enough of them would carry it out."""
_MOST_NAMES = 5
_FEWEST_ALIKE = 10
_LONGEST_NUMBER = 20
_NUMBER = re.compile(r"\W*\d{1,4}(\.0*)?\W*")
_MOST_PATH = 80


def findings_of_checkpoints(submission: Submission, *, is_unreadable: bool) -> Iterator[FindingPart]:
    """Name the checkpoints that cannot be any: one finding for each kind of trouble.

    Args:
        submission: what was handed in.
        is_unreadable: whether a library refused to load one. Only then is a file blamed for being of another
            format than its name says, or encrypted: a program may well know how to read that.
    """
    alike: dict[tuple[str, str, str], list[SubmittedFile]] = {}
    for file in submission.checkpoints:
        if (trouble := _trouble(file, is_unreadable=is_unreadable)) is not None:
            alike.setdefault(trouble, []).append(file)
    for (code, format_, expected), files in alike.items():
        first = short(str(files[0].path), _MOST_PATH)
        more, more_zh = (f" (and {len(files) - 1} more)", f"（及另外 {len(files) - 1} 个文件）")
        yield finding(
            code,
            detail=first + (more if files[1:] else ""),
            detail_zh=first + (more_zh if files[1:] else ""),
            format=format_,
            expected=expected,
        )


def findings_of_names(
    predictions: Sequence[Prediction | None], tally: Tally, classes: tuple[ClassInfo, ...]
) -> Iterator[FindingPart]:
    """Say which answers name no class, and why; and whether all are one."""
    if tally.wrong_types:
        count = sum(tally.wrong_types.values())
        detail = _listed(tally.wrong_types)
        yield finding("wrong-type", count, count=count, total=tally.total, detail=detail)
    yield from _unknown(tally, reader_of(classes), classes)
    yield from _constant(predictions, classes)


def _trouble(file: SubmittedFile, *, is_unreadable: bool) -> tuple[str, str, str] | None:
    """Return the code of what is the matter, the format that a file has, and the one that its name says."""
    if file.size == 0:
        return "empty-checkpoint", "", ""
    if file.is_lfs_pointer:
        return "lfs-pointer", "", ""
    if file.is_web_page:
        return "web-page-checkpoint", "", ""
    if file.state.defect == "line-ends":
        return "line-ends-changed", "", ""
    if file.state.defect == "cut-off":
        return "cut-off-checkpoint", "", ""
    if file.state.defect == "damaged":
        return "damaged-checkpoint", "", ""
    if not is_unreadable:
        return None
    format_, expected = file.format, EXPECTED.get(file.path.suffix.lower(), ("",))
    if format_ == ENCRYPTED_FORMAT:
        return "encrypted-checkpoint", "", ""
    return ("other-format-checkpoint", format_, expected[0]) if format_ and format_ not in expected else None


def _unknown(tally: Tally, reader: LabelReader, classes: Sequence[ClassInfo]) -> Iterator[FindingPart]:
    """Sort the texts that name no class by what they are instead."""
    kinds: dict[str, Counter[str]] = {}
    for text, count in tally.unknown_labels.items():
        kinds.setdefault(_kind(text, reader), Counter())[text] = count
    for kind, texts in sorted(kinds.items()):
        count = sum(texts.values())
        details = _details(kind, texts, reader, classes)
        # A lost comma is one mistake in a list, however few images show it.
        images = None if kind == "comma-missing" else count
        yield finding(kind, images, count=count, total=tally.total, **details)


def _kind(text: str, reader: LabelReader) -> str:
    if reader.category(text) is not None:
        return "category-not-class"
    if reader.run_together(text) is not None:
        return "comma-missing"
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
    if kind == "comma-missing":
        pairs = [pair for text in _by_count(texts) if (pair := reader.run_together(text)) is not None]
        first, second = (classes[index].name for index in pairs[0])
        return {"detail": listed, "first": first, "second": second}
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
    predictions: Sequence[Prediction | None], classes: Sequence[ClassInfo]
) -> Iterator[FindingPart]:
    """Say if all answers are one, however it is spelled."""
    said = [each for each in predictions if each is not None and each.text is not None]
    if len(said) < _FEWEST_ALIKE or len({each.meaning for each in said}) > 1:
        return
    text, index = said[0].text or "", said[0].index
    if index is None:
        name = name_zh = narrow(text, HIDDEN_NAME)
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
