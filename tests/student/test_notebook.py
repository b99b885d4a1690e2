import os
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import v4

from tests.patience import PATIENCE_SECONDS
from tools import notebook


def test_the_notebook_is_what_its_sources_give(capsys: pytest.CaptureFixture[str]) -> None:
    assert notebook.main(["--check"]) == 0, "run python -m tools.notebook"
    assert "in step" in capsys.readouterr().out


def test_a_notebook_that_is_out_of_step_is_noticed_and_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "main.ipynb"
    file.write_text(notebook.NOTEBOOK.read_text(encoding="utf-8").replace("epochs=4", "epochs=6"), "utf-8")
    monkeypatch.setattr(notebook, "NOTEBOOK", file)
    assert notebook.main(["--check"]) == 1
    assert "run python -m tools.notebook" in capsys.readouterr().err
    assert notebook.main([]) == 0
    assert notebook.main(["--check"]) == 0


def test_a_notebook_holds_what_both_need_and_what_only_it_needs(tmp_path: Path) -> None:
    source = tmp_path / "steps.py"
    source.write_text(
        '"""Steps 步骤.\n\nIn order.\n"""\n\n# %%\nimport sys\n\n# %% [markdown]\n# ## One\n\n'
        '# %% active="ipynb"\n# %matplotlib inline\n# # why\n# steps()\n\n# %% active="py"\nsys.exit()\n',
        encoding="utf-8",
    )
    cells = list(notebook.cells_of(source, level=1))
    assert [(cell.id, cell.cell_type, cell.source) for cell in cells] == [
        ("steps-0", "markdown", "# Steps 步骤\n\nIn order."),
        ("steps-1", "code", "# steps.py\nimport sys"),
        ("steps-2", "markdown", "## One"),
        ("steps-3", "code", "%matplotlib inline\n# why\nsteps()"),
        ("steps-4", "raw", "# steps.py (only in the file, not run here 只写入文件，不在此运行)\nsys.exit()"),
    ]
    # A page that is made of the notebook leaves out the raw cell, or else shows it as running text.
    assert [cell.metadata for cell in cells] == [{}] * 4 + [{"raw_mimetype": "text/x-python"}]


@pytest.mark.mindspore
def test_the_notebook_runs_from_top_to_bottom(handout: Path, photos: Path, random_weights: Path) -> None:
    (handout / "pretrained").mkdir()
    shutil.copy(random_weights, handout / "pretrained" / "mobilenetv2.ckpt")
    (handout.parent / "datasets").mkdir()
    (handout.parent / "datasets" / "garbage_26x100").symlink_to(photos)

    steps = nbformat.read(handout / "main.ipynb", as_version=4)
    # The stop button, pressed two seconds into a long training, ends the training and nothing else.
    button = "import threading; threading.Timer(2, os.kill, (os.getpid(), signal.SIGINT)).start()"
    training = f"{button}\nconfig.epochs = 10**6\ntrain_head(config)"
    stopped = v4.new_code_cell(training, metadata={"tags": ["raises-exception"]})
    steps.cells += [stopped, v4.new_code_cell("'still ' + 'alive'")]
    client = NotebookClient(
        steps, timeout=int(PATIENCE_SECONDS), resources={"metadata": {"path": str(handout)}}
    )
    client.execute(env={**os.environ, "PYTHONPATH": ""})

    outputs = [output for cell in steps.cells if cell.cell_type == "code" for output in cell.outputs]
    said = "".join(output.text for output in outputs if output.output_type == "stream")
    assert "epoch: 4, time cost: " in said
    assert "note:" not in said
    pictures = [output.data for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 2, "how it learned, and some examples"
    # What the notebook has trained is what the file that is handed in answers with.
    assert (handout / "results" / "mobilenetv2.ckpt").is_file()
    name, answer = next(line for line in said.splitlines() if ".jpg " in line).split(".jpg ")
    assert name.endswith("00_00/00000")
    assert f'"{answer}"' in (handout / "main.py").read_text(encoding="utf-8")

    assert stopped.outputs[-1].ename == "KeyboardInterrupt"
    assert steps.cells[-1].outputs[-1].data["text/plain"] == "'still alive'"
