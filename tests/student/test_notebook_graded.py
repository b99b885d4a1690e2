"""A student who works in the notebook alone gets the score of one who works in the file."""

import json
import shutil
from pathlib import Path

import pytest

from grader.model.assignment import load_assignment
from grader.model.grading import NO_CHECKS
from grader.model.verdict import Verdict
from grader.split import open_split
from tests.grader.gradings import grading_of

STUDENT = Path(__file__).parents[2] / "student"
GIVEN = "    return CLASSES[int(logits[0].argmax())]"
EDITED = "    least = int(logits[0].argmin())\n    return CLASSES[least]"


def edited(text: str) -> str:
    assert text.count(GIVEN) == 1
    return text.replace(GIVEN, EDITED)


@pytest.mark.mindspore
def test_an_edited_notebook_is_graded_as_the_file_with_the_same_edit(tmp_path: Path, photos: Path) -> None:
    import mindspore as ms
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2

    checkpoint = tmp_path / "mobilenetv2.ckpt"
    ms.save_checkpoint(mobilenet_v2(MobileNetV2Backbone(), MobileNetV2Head(num_classes=26)), str(checkpoint))
    checkpoint.chmod(0o644)
    notebook = json.loads((STUDENT / "main.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if GIVEN in (source := "".join(cell["source"])):
            cell["source"] = edited(source)
    handed_in = {
        "hand": ("main.py", edited((STUDENT / "main.py").read_text(encoding="utf-8"))),
        "notebook": ("main.ipynb", json.dumps(notebook)),
    }
    assignment = load_assignment()
    split = open_split(photos / "val", assignment.classes)
    gradings = {}
    for kind, (name, text) in handed_in.items():
        (tmp_path / kind / "results").mkdir(parents=True)
        (tmp_path / kind / name).write_text(text, encoding="utf-8")
        shutil.copy(checkpoint, tmp_path / kind / "results")
        gradings[kind] = grading_of(tmp_path / kind, split, assignment, checks=NO_CHECKS)

    assert {grading.verdict for grading in gradings.values()} == {Verdict.GRADED}
    hand, made = (gradings[kind].answers.predictions for kind in ("hand", "notebook"))
    assert [prediction.text for prediction in made] == [prediction.text for prediction in hand]
    assert [each.code for each in gradings["notebook"].findings if each.code == "from-notebook"]
    assert gradings["notebook"].job.submission.notebook.made_main
