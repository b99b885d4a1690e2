"""The program that runs checkpoints inside the sandbox in the lab's own way, and how its answers are read."""

import io
import json
import subprocess
import sys
from pathlib import Path, PurePosixPath
from types import SimpleNamespace

import numpy as np
import pytest
from src_mindspore.engine.session import FeatureExtractor
from src_mindspore.transforms import evaluation_transform

from grader.diagnosis.case import NO_ANSWER, Case
from grader.diagnosis.experiments import LAST_RESORT_SECONDS, PROGRAM, read, run_checkpoints
from grader.model.submission import Submission, SubmittedFile
from reference.weights import backbone_shapes, write_checkpoint

PROGRAMS = (PROGRAM, PROGRAM.with_name("twins.py"))
CLASSES = 5
PICTURE = np.random.default_rng(0).integers(0, 256, (40, 70, 3), np.uint8)
ASK = """
import sys, numpy
sys.path.insert(0, sys.argv[1])
import main
print(main.predict(numpy.load(sys.argv[2])))
"""


def random_backbone(rng):
    """Return parameters that are as strong after each layer as before."""
    return {
        name: (
            rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
            if len(shape) > 1
            else rng.uniform(0.8, 1.2, shape)
        ).astype(np.float32)
        for name, shape in backbone_shapes().items()
    }


@pytest.fixture(scope="module")
def network():
    rng = np.random.default_rng(1)
    return {
        **random_backbone(rng),
        "head.1.weight": rng.normal(0, 1, (CLASSES, 1280)).astype(np.float32),
        "head.1.bias": rng.normal(0, 1, CLASSES).astype(np.float32),
    }


def ask(folder, files, channel_order="bgr", suffix=".ckpt"):
    """Run the program as the worker would, and return (files of each network, class indices by network)."""
    folder.mkdir(exist_ok=True)
    for program in PROGRAMS:
        (folder / program.name).write_bytes(program.read_bytes())
    for number, arrays in enumerate(files):
        path = folder / f"{number}{suffix}"
        if isinstance(arrays, bytes):
            path.write_bytes(arrays)
        elif suffix == ".npz":
            np.savez(path, **arrays)
        else:
            write_checkpoint(arrays, path)
    settings = {
        "checkpoints": [f"{number}{suffix}" for number in range(len(files))],
        "channel_order": channel_order,
        "ways": [],
    }
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    np.save(folder / "picture.npy", PICTURE)
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(folder), str(folder / "picture.npy")],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    head, _, body = done.stdout.strip().partition("|")
    return head, [int(number) for number in body.split()]


def logits_of(network, picture=PICTURE):
    features = FeatureExtractor(network)(evaluation_transform(picture)[np.newaxis])[0]
    return features @ network["head.1.weight"].T + network["head.1.bias"]


def negated(network):
    """The same network with the lowest score for the highest."""
    return {**network, "head.1.weight": -network["head.1.weight"], "head.1.bias": -network["head.1.bias"]}


def test_the_labs_own_way_is_the_course_librarys(network, tmp_path):
    expected = logits_of(network)
    assert ask(tmp_path / "a", [network]) == ("0", [expected.argmax()])
    assert ask(tmp_path / "b", [negated(network)]) == ("0", [expected.argmin()])


def test_an_archive_of_numpys_is_run_as_a_checkpoint_is(network, tmp_path):
    expected = logits_of(network)
    pickled = io.BytesIO()
    np.savez(pickled, weight=np.array([{}], object))
    broken = [b"PK\3\4", b"nothing", pickled.getvalue()]
    assert ask(tmp_path / "a", [*broken, network], suffix=".npz") == ("3", [expected.argmax()])


def test_where_images_are_handed_over_in_rgb_they_are_taken_so(network, tmp_path):
    # A bias in the middle between what the network says to the picture and to its colours exchanged.
    middle = (logits_of(network) + logits_of(network, PICTURE[:, :, ::-1])) / 2
    network = {**network, "head.1.bias": (network["head.1.bias"] - middle).astype(np.float32)}
    bgr, rgb = logits_of(network).argmax(), logits_of(network, PICTURE[:, :, ::-1]).argmax()
    assert bgr != rgb
    assert ask(tmp_path / "a", [network]) == ("0", [bgr])
    assert ask(tmp_path / "b", [network], channel_order="rgb") == ("0", [rgb])


def test_names_may_carry_a_prefix_and_backbone_and_head_two_files(network, tmp_path):
    expected = [logits_of(network).argmax()]
    prefixed = {f"net.{name}": array for name, array in network.items()}
    assert ask(tmp_path / "b", [prefixed]) == ("0", expected)
    backbone = {name: array for name, array in network.items() if name.startswith("features.")}
    head = {"dense.weight": network["head.1.weight"], "dense.bias": network["head.1.bias"]}
    assert ask(tmp_path / "c", [head, backbone]) == ("0,1", expected)


def test_the_optimizers_state_is_no_part_of_the_network(network, tmp_path):
    state = {f"moment1.{name}": 9 * array for name, array in network.items()}
    accumulated = {f"accum.{name}": -array for name, array in network.items()}
    assert ask(tmp_path, [{**network, **state, **accumulated}]) == ("0", [logits_of(network).argmax()])


def test_a_head_without_a_bias_and_one_that_is_given_the_whole_map_are_networks_too(network, tmp_path):
    without = {name: array for name, array in network.items() if name != "head.1.bias"}
    expected = logits_of({**network, "head.1.bias": np.zeros(CLASSES)}).argmax()
    assert ask(tmp_path / "a", [without]) == ("0", [expected])
    # Of a map of 49 cells, the mean.
    flat = {**network, "head.1.weight": np.repeat(network["head.1.weight"] / 49, 49, axis=1)}
    assert ask(tmp_path / "b", [flat]) == ("0", [logits_of(network).argmax()])


def test_a_second_network_is_asked_too(network, tmp_path):
    files, answers = ask(tmp_path, [network, b"no checkpoint", negated(network)])
    expected = logits_of(network)
    assert (files, answers) == ("0;2", [expected.argmax(), expected.argmin()])


def test_nan_is_no_answer(network, tmp_path):
    broken = {**network, "head.1.weight": np.full_like(network["head.1.weight"], np.nan)}
    assert ask(tmp_path, [broken]) == ("0", [-1])


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"\x0a\x03abc"])
def test_a_file_that_is_no_network_ends_the_program_with_an_error(content, tmp_path):
    assert "Error" in ask(tmp_path, [content])


def test_the_program_lies_where_the_package_says():
    pyproject = Path(__file__).parents[3] / "pyproject.toml"
    assert '"grader.diagnosis" = ["inside/*.py", "inside/recorder/*.py"]' in pyproject.read_text(
        encoding="utf-8"
    )


# What is believed of its answers.


def read_one(text, files=1, classes=26):
    """What one text says; None if it is not as it must be."""
    found = read([text], np.array([7]), files, classes)
    return None if found is None else (found[0], found[2].tolist())


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "0",
        "0|",
        "|1",
        "0|1 2",
        "0;0|1",
        "9|1",
        "1|1",
        "0;;|1",
        ";|1 1",
        "0,|1",
        "0|a",
        "0|1 ",
        "0|1\n",
        "0|--1",
        "0|1.0",
        "0|9" + "9" * 40,
        "0" * 41 + "|1",
        "0|1 2 3 4 5",
        "0;0;0;0;0|1 2 3 4",
    ],
)
def test_what_the_program_inside_answers_is_not_believed(text):
    assert read_one(text) is None
    files, answered, answers = read([text, "0|4"], np.array([7, 8]), 1, 26)
    assert (files, answered.tolist(), answers.tolist()) == (((0,),), [8], [[4]])


def test_digits_of_another_script_are_no_numbers_of_ours():
    assert read_one("0|\u0661") is None


def test_an_index_that_is_no_class_is_no_answer():
    assert read_one("0|26") == (((0,),), [[NO_ANSWER]])
    assert read_one("0|-5") == (((0,),), [[NO_ANSWER]])
    assert read_one("0;1|25 999999", files=2) == (((0,), (1,)), [[25, NO_ANSWER]])


def test_a_network_may_consist_of_several_files():
    assert read_one("0,1;2|3 4", files=3) == (((0, 1), (2,)), [[3, 4]])


def test_answers_that_do_not_agree_on_the_files_are_none():
    assert read(["0|1", "1|1"], np.array([0, 1]), 2, 26) is None
    assert read([], np.array([], int), 1, 26) is None


# Which files, and which images.


class Run:
    """A graded run whose images are told by their numbers; our program says of each what `says` gives."""

    seed = 1

    def __init__(self, folder, assignment, files, says=lambda image: "0|1", main=""):
        (folder / "main.py").write_text(main, encoding="utf-8")
        for name, content in files.items():
            (folder / name).write_bytes(content)
        entries = [SubmittedFile(PurePosixPath(name), len(content), "") for name, content in files.items()]
        self.submission = Submission("zhang", folder, tuple(entries), "")
        self.folder, self.assignment, self._says = folder / "own", assignment, says
        self.split = SimpleNamespace(images=range(300))
        self.asked, self.rules = [], None

    def start(self, folder):
        assert folder == self.folder / "checkpoint"
        return folder

    def texts(self, start, images, rules):
        self.asked, self.rules = images, rules
        return [self._says(image) for image in images]

    @property
    def prepared(self):
        """What each file of the folder holds, the program itself left out."""
        folder = self.folder / "checkpoint"
        return {
            path.name: path.read_bytes()
            for path in folder.iterdir()
            if path.name not in {"main.py", "twins.py"}
        }


CASE = Case(("a", "b", "c"), np.arange(300) % 3, np.zeros(300, int), "bgr")


def test_checkpoints_are_run_over_a_folder_that_holds_them_and_nothing_else_of_the_students(
    tmp_path, assignment
):
    run = Run(
        tmp_path,
        assignment,
        {"net.ckpt": b"one", "secret.txt": b"two", "other.npz": b"three", "net.onnx": b"four"},
    )
    (found,) = run_checkpoints(run, CASE)
    assert run.prepared["0.ckpt"] == b"one"
    assert run.prepared["1.npz"] == b"three"
    settings = {"checkpoints": ["0.ckpt", "1.npz"], "channel_order": "bgr", "ways": []}
    assert json.loads(run.prepared["settings.json"]) == settings
    assert {*run.prepared} == {"0.ckpt", "1.npz", "settings.json"}
    assert (run.folder / "checkpoint" / "main.py").read_bytes() == PROGRAM.read_bytes()
    assert (found.file, len(found.trial.images), {*found.trial.answers.tolist()}) == ("net.ckpt", 200, {1})
    assert found.trial.images.tolist() == CASE.many().tolist() == list(run.asked)
    assert run.rules.limits.image_seconds == run.rules.limits.total_seconds == LAST_RESORT_SECONDS


def test_without_a_checkpoint_of_mindspores_nothing_is_run(tmp_path, assignment):
    run = Run(tmp_path, assignment, {"net.onnx": b"x", "empty.ckpt": b""})
    assert run_checkpoints(run, CASE) == ()
    assert not run.folder.exists()


def test_of_many_files_those_are_run_that_the_program_names(tmp_path, assignment):
    files = {f"{number}.ckpt": f"file {number}".encode() for number in range(9)}
    run = Run(tmp_path, assignment, files, main="load('7.ckpt')")
    (found,) = run_checkpoints(run, CASE)
    assert [run.prepared[f"{number}.ckpt"] for number in range(4)] == [
        b"file 7",
        b"file 0",
        b"file 1",
        b"file 2",
    ]
    assert len(run.prepared) == 5
    assert found.file == "7.ckpt"


def test_each_network_is_named_by_its_files_and_judged_by_itself(tmp_path, assignment):
    files = {"back\u202ebone.ckpt": b"1", "head.ckpt": b"2", "z" * 200 + ".ckpt": b"3"}
    run = Run(tmp_path, assignment, files, says=lambda image: f"0,1;2|{image % 3} 2")
    whole, other = run_checkpoints(run, CASE)
    assert (CASE.correct(whole.trial), CASE.correct(other.trial)) == (
        200,
        (CASE.truth[CASE.many()] == 2).sum(),
    )
    assert whole.file.endswith("bone.ckpt + head.ckpt") and whole.file.isprintable()
    assert len(other.file) <= 80


def test_images_that_the_program_failed_at_are_left_out_unless_they_are_nearly_all(tmp_path, assignment):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    files = {"net.ckpt": b"1"}
    eight = Run(
        tmp_path / "a", assignment, files, says=lambda image: "0|1" if image in CASE.many()[:8] else None
    )
    seven = Run(
        tmp_path / "b", assignment, files, says=lambda image: "0|1" if image in CASE.many()[:7] else "?"
    )
    (found,) = run_checkpoints(eight, CASE)
    assert found.trial.images.tolist() == CASE.many()[:8].tolist()
    assert run_checkpoints(seven, CASE) == ()
