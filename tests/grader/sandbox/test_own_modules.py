"""Which modules run: a submission's own before any of the harness's, and never a submission's in the harness."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from grader.model.grading import NO_CHECKS
from grader.places import course_library
from grader.sandbox import PlainProcess, policy
from grader.sandbox.policy import own_packages
from tests.grader.conftest import ORACLE
from tests.grader.gradings import report_of

WORKER = Path(policy.__file__).parent / "inside" / "worker.py"
IMPORT = """
import importlib, importlib.util, json, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("worker", sys.argv[1])
worker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(worker)
folder, library, installed = map(Path, sys.argv[2:5])
sys.path[:1] = [str(folder), str(installed)]
# This clone's own, where it is installed so that it can be edited.
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in getattr(finder, "__module__", "")]
worker._give_way_to(folder, library, [str(installed / "datasets"), str(installed / "src_mindspore")])
worker._accelerate(library)
found = {}
for name in sys.argv[5:]:
    try:
        module = importlib.import_module(name)
        found[name] = str(module.__file__ or list(module.__path__))
    except ImportError as error:
        found[name] = str(error)
print(json.dumps(found))
"""


@pytest.fixture
def imported(tmp_path):
    """Where modules come from, with the harness installed as packages that stand on the path."""
    places = {name: tmp_path / name for name in ("submission", "course", "installed")}
    written = {
        "course": (
            "src_mindspore/__init__.py",
            "src_mindspore/cpu.py",
            "src_mindspore/mobilenetv2.py",
            "src_mindspore/engine/__init__.py",
            "src_mindspore/engine/graph.py",
        ),
        "installed": (
            "src_mindspore/__init__.py",
            "src_mindspore/cpu.py",
            "datasets/__init__.py",
            "datasets/classes.py",
            "others.py",
        ),
    }

    def run(brought, names, engine=""):
        for place, files in {**written, "submission": brought}.items():
            places[place].mkdir()
            for file in files:
                (places[place] / file).parent.mkdir(parents=True, exist_ok=True)
                (places[place] / file).touch()
        (places["course"] / "src_mindspore" / "engine" / "__init__.py").write_text(engine, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-c", IMPORT, WORKER, *places.values(), *names],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return {
            name: where.replace(f"{tmp_path}/", "").replace(str(tmp_path), "")
            for name, where in json.loads(done.stdout).items()
        }

    return run


def test_a_folder_without_init_wins_over_an_installed_package_of_the_harness(imported):
    brought = ["src_mindspore/mine.py", "src_mindspore/cpu.py", "datasets/mine.py"]
    assert imported(brought, ["src_mindspore.mine", "src_mindspore.cpu", "datasets.mine", "others"]) == {
        "src_mindspore.mine": "submission/src_mindspore/mine.py",
        "src_mindspore.cpu": "submission/src_mindspore/cpu.py",
        "datasets.mine": "submission/datasets/mine.py",
        "others": "installed/others.py",
    }


@pytest.mark.parametrize("init", [[], ["src_mindspore/__init__.py", "src_mindspore/engine/__init__.py"]])
def test_what_a_submissions_copy_lacks_is_the_courses(imported, init):
    brought = [*init, "src_mindspore/dataset.py", "src_mindspore/engine/head.py"]
    names = ["src_mindspore.dataset", "src_mindspore.cpu", "src_mindspore.engine.graph", "src_mindspore.none"]
    assert imported(brought, names) == {
        "src_mindspore.dataset": "submission/src_mindspore/dataset.py",
        "src_mindspore.cpu": "course/src_mindspore/cpu.py",
        "src_mindspore.engine.graph": "course/src_mindspore/engine/graph.py",
        "src_mindspore.none": "No module named 'src_mindspore.none'",
    }


def test_who_brings_nothing_gets_the_course_library_and_nothing_of_the_harness(imported):
    assert imported([], ["src_mindspore.cpu", "datasets.classes", "datasets"]) == {
        "src_mindspore.cpu": "course/src_mindspore/cpu.py",
        "datasets.classes": "No module named 'datasets'",
        "datasets": "No module named 'datasets'",
    }


ENGINE = """
import sys, types
def accelerate_every_network():
    assert "src_mindspore.mobilenetv2" in sys.modules
    fast = sys.modules["fast"] = types.ModuleType("fast")
    fast.__file__ = "accelerated"
"""
NETWORK = "src_mindspore.mobilenetv2"
SLOW = "No module named 'fast'"


@pytest.mark.parametrize(
    ("brought", "names", "said"),
    [
        ([], [NETWORK], "accelerated"),
        (["src_mindspore/dataset.py"], ["src_mindspore.dataset", NETWORK], "accelerated"),
        (["src_mindspore/__init__.py", "src_mindspore/dataset.py"], [NETWORK], "accelerated"),
        (["src_mindspore/mobilenetv2.py"], [NETWORK], SLOW),
        (["src_mindspore/__init__.py", "src_mindspore/mobilenetv2.py"], [NETWORK], SLOW),
        ([], ["src_mindspore.cpu", "src_mindspore.engine.graph"], SLOW),
    ],
)
def test_the_course_librarys_network_is_accelerated_once_it_is_imported(imported, brought, names, said):
    found = imported(brought, [*names, "fast"], engine=ENGINE)
    place = "submission" if "src_mindspore/mobilenetv2.py" in brought else "course"
    assert found.pop("fast") == said
    assert (
        found.get(NETWORK, f"{place}/{NETWORK.replace('.', '/')}.py")
        == f"{place}/{NETWORK.replace('.', '/')}.py"
    )


@pytest.mark.parametrize("engine", ["", "raise ImportError('no onnxruntime')", "1 / 0"])
def test_without_an_engine_that_works_the_network_is_imported_all_the_same(imported, engine):
    assert imported([], [NETWORK], engine=engine) == {NETWORK: "course/src_mindspore/mobilenetv2.py"}


def test_in_a_plain_process_too_a_submissions_own_modules_run(write_submission, split, assignment):
    names = [path.name for path in own_packages()]
    imports = "\n".join(f"import {name}.part" for name in names)
    folder = write_submission(ORACLE, **{f"{name}/part.py": "" for name in names}, **{"imports.py": imports})
    with (folder / "main.py").open("a", encoding="utf-8") as file:
        file.write("\nimport imports\n")
    report = report_of(folder, split, assignment, checks=NO_CHECKS, self_check=True, isolation=PlainProcess())
    assert report.score.correct == report.score.total
    assert report.isolation.rung == "process"


def test_the_course_library_is_the_one_beside_the_grader_wherever_it_was_started(tmp_path):
    (tmp_path / "src_mindspore").mkdir()
    (tmp_path / "src_mindspore" / "__init__.py").touch()
    code = "import sys; from grader.places import course_library; print(course_library())"
    path = Path(policy.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()) == course_library()


def test_a_grader_that_is_started_in_a_students_folder_runs_nothing_of_it(tmp_path):
    for file in (
        "datasets/__init__.py",
        "datasets/classes.py",
        "reference/__init__.py",
        "json.py",
        "numpy.py",
    ):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("print('THE STUDENT')\nraise SystemExit(9)", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "grader", "--help"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "THE STUDENT" not in done.stdout
    assert "submission" in done.stdout
