"""A clone below a folder that every submission is shown: nothing of the project is seen, the environment is."""

import json
import shutil
from pathlib import Path

import pytest

from grader import Verdict, places
from grader.model.grading import NO_CHECKS
from grader.places import course_library
from grader.sandbox import Namespaces, is_visible_inside
from grader.sandbox import policy as policy_module
from tests.grader.gradings import grading_of

ANSWER_KEY = (
    "reference/finetune.py",
    "tests/key.py",
    "datasets/hidden/a.png",
    "reports/report.json",
    ".git/HEAD",
)
ENVIRONMENT = ("bin/tool", "lib/library.py", "pyvenv.cfg")
SOURCE = """
import json, os
print(json.dumps([path for path in {paths!r} if os.path.exists(path)]))
def predict(image): return "Hats"
"""


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone of the project that lies in the folder of an interpreter."""
    clone = tmp_path / "prefix" / "src" / "lab-grader"
    shutil.copytree(course_library(), clone / "student" / "src_mindspore")
    for file in (*ANSWER_KEY, *ENVIRONMENT, *(f".venv/{name}" for name in ENVIRONMENT), "../library.py"):
        (clone / file).parent.mkdir(parents=True, exist_ok=True)
        (clone / file).write_text("secret", encoding="utf-8")
    for module in (places, policy_module):
        monkeypatch.setattr(module, "ROOT", clone)
    return clone


@pytest.fixture
def besides(clone, monkeypatch):
    """Have the interpreter lie in these folders, too."""
    own = policy_module._prefixes()

    def lie(*prefixes):
        monkeypatch.setattr(policy_module, "_prefixes", lambda: sorted([*own, *prefixes]))

    return lie


@pytest.mark.parametrize(
    ("environment", "seen"),
    [
        (None, []),
        (".venv", [f".venv/{name}" for name in ENVIRONMENT]),
        (".", list(ENVIRONMENT)),
        (".linked", [f".linked/{name}" for name in ENVIRONMENT]),
    ],
    ids=["none in the clone", "one in the clone", "the clone's own folder", "a link in the clone"],
)
def test_of_a_clone_in_the_interpreters_folder_a_submission_sees_the_environment_alone(
    clone, besides, write_submission, split, assignment, environment, seen
):
    prefix = clone.parents[1]
    shutil.copytree(clone / ".venv", clone.parents[2] / "elsewhere")
    (clone / ".linked").symlink_to(clone.parents[2] / "elsewhere")
    places = [] if environment is None else [clone / environment, (clone / environment).resolve()]
    besides(prefix, *places)
    files = [
        *ANSWER_KEY,
        *ENVIRONMENT,
        *(f"{there}/{name}" for there in (".venv", ".linked") for name in ENVIRONMENT),
    ]
    paths = [str(clone / file) for file in files] + [str(prefix / "src" / "library.py")]
    folder = write_submission(SOURCE.format(paths=paths))

    graded = grading_of(folder, split, assignment, checks=NO_CHECKS, isolation=Namespaces())

    assert graded.verdict is Verdict.GRADED
    shown = [str(clone / file) for file in seen] + [str(prefix / "src" / "library.py")]
    assert json.loads(graded.answers.output) == shown
    assert [path for path in paths if is_visible_inside(Path(path))] == shown


def test_by_every_name_of_the_interpreters_folder_the_clone_is_hidden(clone, besides, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "prefix")
    besides(tmp_path / "prefix", tmp_path / "link")
    covers = [
        rule.at for rule in policy_module._of_every_submission() if isinstance(rule, policy_module.Empty)
    ]
    assert {tmp_path / "link" / "src" / "lab-grader", clone} <= set(covers)


def test_a_clone_that_is_not_shown_needs_no_cover(clone):
    covers = [
        rule.at for rule in policy_module._of_every_submission() if isinstance(rule, policy_module.Empty)
    ]
    assert clone not in covers
