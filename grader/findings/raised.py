"""What an exception of a student's code comes from, in words, with the file or package that it is about."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from grader.dialogue.frames import Raised
from grader.errors import in_short
from grader.findings.catalogue import Language, finding
from grader.findings.exceptions import code_of_missing, short
from grader.findings.packages import PACKAGES, installed, instead_of, is_here, missing_packages
from grader.intake.submission import Submission, SubmittedFile
from grader.report.model import FindingPart

_MOST_FILES, _MOST_PATH = 5, 80
_NO_MODULE = re.compile(r"No module named '([\w.]{1,80})")


def told(code: str, error: Raised, submission: Submission, libraries: Mapping[str, str]) -> FindingPart:
    """Word an exception; what it says may be told in full if no hidden image had been in reach.

    Args:
        code: the catalogue's, by the exception alone.
        error: with as much of its texts as may be told.
        submission: whose files may be what the exception is about.
        libraries: versions of what is installed.
    """
    checkpoints = [str(file.path) for file in submission.checkpoints]
    file = short(error.where.partition(":")[0]) or "main.py"
    details = {
        "type": short(error.type),
        "message": short(error.message),
        **place(error),
        "file": file,
        "checkpoints": some(checkpoints, "en") or "none",
        "checkpoints_zh": some(checkpoints, "zh") or "无",
    }
    if code == "missing-module":
        return _missing_module(error, file, submission, libraries, details)
    if code == "missing-file":
        code, found = code_of_missing(error.message, [str(file.path) for file in submission.files])
        return finding(code, found=short(found), **details)
    if code in ("not-utf8", "syntax-error") and (utf16 := _in_utf16(file, submission.files)):
        return finding("utf16-source", **{**details, "file": utf16})
    return finding(code, **details)


def place(error: Raised) -> dict[str, str]:
    """Return where an exception comes from, in both languages."""
    where = short(error.where)
    return {"where": where or "native code", "where_zh": where or "本地代码"}


def some(names: Sequence[str], language: Language) -> str:
    """List some names, and count the rest; empty if there are none."""
    listed = in_short([short(name, _MOST_PATH) for name in names], _MOST_FILES)
    return listed if isinstance(listed, str) else listed.told(language)


def _missing_module(
    error: Raised,
    file: str,
    submission: Submission,
    libraries: Mapping[str, str],
    details: Mapping[str, str],
) -> FindingPart:
    """Tell a package that is not installed from a file that was not handed in, or is called otherwise."""
    found = _NO_MODULE.search(error.message)
    module = found[1] if found else ""
    package = module.partition(".")[0]
    here = installed(libraries)
    if package in PACKAGES and (module == package or not is_here(package)):
        missing = missing_packages(package, file, submission)
        return finding(
            "missing-package",
            None,
            missing,
            packages=", ".join(missing),
            installed=here,
            instead=instead_of(missing, "en"),
            instead_zh=instead_of(missing, "zh"),
            **details,
        )
    stem = module.replace(".", "/").lower()
    alike = (str(each.path) for each in submission.files)
    path = next((path for path in alike if path.lower() in (f"{stem}.py", f"{stem}/__init__.py")), "")
    if path:
        return finding("other-capitals", found=short(path, _MOST_PATH), **details)
    return finding("missing-module", installed=here, **details)


def _in_utf16(file: str, files: Sequence[SubmittedFile]) -> str:
    """Return the program that is saved in UTF-16: the file named, or if Python names none, any."""
    sources = [each for each in files if each.is_utf16 and each.path.suffix == ".py"]
    named = [str(each.path) for each in sources]
    return file if file in named else short(named[0], _MOST_PATH) if named else ""
