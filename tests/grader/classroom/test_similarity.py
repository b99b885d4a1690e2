"""The page of a class, made of what was handed in; sketches are made once, and only of what was graded."""

import json
import re
import zipfile

import numpy as np
import pytest

from grader.classroom.pages import Heading, render_similarity
from grader.intake import take_in
from grader.model.assignment import load_assignment
from grader.similarity import HandedIn, collect, given_to_all, reading
from grader.sketch import _MOST_CODE, from_bytes, sketch_of, to_bytes
from tests.checkpoint_bytes import mindspore_bytes as mindspore
from tests.grader.similarity.test_code import MAIN, OTHER, VIEWS, VOTE

HEAD = np.random.default_rng(0).normal(size=(26, 40)).astype(np.float32)


@pytest.fixture
def hand_in(tmp_path):
    """Write a submission and say what a grading of it would say: `hand_in("li", main.py, head)`."""

    def write(id_, source=MAIN, head=None, **files):
        folder = tmp_path / "class" / id_
        folder.mkdir(parents=True)
        (folder / "main.py").write_text(source, encoding="utf-8")
        if head is not None:
            (folder / "net.ckpt").write_bytes(mindspore({"head.1.weight": head}))
        for name, text in files.items():
            (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
        submission = take_in(folder, tmp_path / "taken" / id_, load_assignment(None).limits)
        return HandedIn(id_, folder, submission.sha256)

    return write


@pytest.fixture
def collected(tmp_path):
    (tmp_path / "book").mkdir()

    def of(*handed_in, made_by="this"):
        return collect(handed_in, load_assignment(None), tmp_path / "book", made_by)

    return of


INNERMOST = re.compile(r"<(span|i|label)\b([^>]*)>((?:(?!<(?:span|i|label)\b).)*?)</\1>", re.DOTALL)


def read_in(language, page):
    """What a page says to those who read it in a language."""
    other = "en" if language == "zh" else "zh"
    while INNERMOST.search(page):
        page = INNERMOST.sub(lambda found: "" if f'lang="{other}"' in found[2] else found[3], page)
    return re.sub(r"<[^>]+>", "", page)


def test_the_page_names_groups_shows_why_and_accuses_nobody(hand_in, collected):
    sketches = collected(
        hand_in("li", MAIN + VIEWS + VOTE, HEAD),
        hand_in("<b>王", MAIN + VOTE + VIEWS.replace("crops", "</script>"), HEAD * 2),
        hand_in("zhao", MAIN + OTHER, HEAD[:, ::-1]),
    )
    page = render_similarity(Heading("Lab"), 3, sketches, given_to_all((), 26))
    text = read_in("en", page)
    assert "&lt;b&gt;王, li 2 students" in text
    assert text.count("王, li 2 students") == 2, "their heads and their code; their start says nothing more"
    assert "zhao" not in page
    assert "<mark>" in page
    assert page.count("</script>") == 1, "the page's own"
    assert not re.search("plagiar|cheat|copied|suspect|guilt", text, re.IGNORECASE)
    assert "It does not say why" in text
    assert text.count("Honest reasons") == 3
    assert page == render_similarity(
        Heading("Lab"), 3, dict(reversed(sketches.items())), given_to_all((), 26)
    )


def test_a_class_without_any_likeness_has_a_page_too(collected):
    page = render_similarity(Heading("Lab"), 0, collected(), ())
    assert read_in("en", page).count("None.") == 3
    assert read_in("zh", page).count("没有发现。") == 3


def test_the_page_says_all_in_chinese_too(hand_in, collected):
    sketches = collected(hand_in("li", MAIN + VIEWS, HEAD), hand_in("wang", MAIN + VIEWS, HEAD))
    page = render_similarity(Heading("Lab", "实验", "zh"), 3, sketches, given_to_all((), 26))
    text = re.sub(r"<pre.*?</pre>", "", page, flags=re.DOTALL)
    text = re.sub(r"<code>.*?</code>|<style>.*</style>|<script>.*</script>", "", text, flags=re.DOTALL)
    told = read_in("zh", text)
    assert told.count("正当原因：") == 3
    assert "文件相同" in told
    assert not re.search(r"[a-z]+ [a-z]+ [a-z]+", told)


def test_sketches_are_made_once_and_anew_by_another_program(hand_in, collected, tmp_path, monkeypatch):
    handed_in = [hand_in("li", head=HEAD), hand_in("wang", MAIN + VIEWS), hand_in("zhang", MAIN + VIEWS)]
    first = collected(*handed_in)
    assert len([*(tmp_path / "book" / "sketches").iterdir()]) == 2, "one for both who handed in the same"
    monkeypatch.setattr(reading, "take_in", None)
    again = collected(*handed_in)
    assert to_bytes(again["li"], "x") == to_bytes(first["li"], "x")
    assert again["wang"].code == first["wang"].code
    monkeypatch.undo()
    taken = []
    monkeypatch.setattr(reading, "take_in", lambda *of: taken.append(of) or take_in(*of))
    collected(*handed_in, made_by="another")
    assert len(taken) == 2
    collected(handed_in[0], made_by="another")
    assert len([*(tmp_path / "book" / "sketches").iterdir()]) == 1, (
        "of the others there is nothing left to say"
    )


def test_what_is_no_longer_as_it_was_graded_is_not_compared(hand_in, collected):
    changed, gone = hand_in("a", MAIN + "# a\n"), hand_in("b", MAIN + "# b\n")
    refused = HandedIn("c", hand_in("c").source, "")
    (changed.source / "main.py").write_text("other", encoding="utf-8")
    (gone.source / "main.py").unlink()
    assert collected(changed, gone, refused, hand_in("d")).keys() == {"d"}


def test_what_one_of_two_who_handed_in_the_same_still_has_is_compared_for_both(hand_in, collected):
    changed, other = hand_in("a"), hand_in("b")
    (changed.source / "main.py").write_text("other", encoding="utf-8")
    assert collected(changed, other).keys() == collected(other, changed).keys() == {"a", "b"}


def test_a_damaged_sketch_is_made_again(hand_in, collected, tmp_path):
    handed_in = hand_in("li", head=HEAD)
    collected(handed_in)
    (kept,) = (tmp_path / "book" / "sketches").iterdir()
    whole = kept.read_bytes()
    for damaged in (whole[:-40], b"", b"PK\x03\x04", whole.replace(b"description.npy", b"descriptiom.npy")):
        kept.write_bytes(damaged)
        assert collected(handed_in)["li"].checkpoints[0].head is not None
        assert kept.read_bytes() == whole


def test_more_code_than_is_compared_is_named(hand_in, tmp_path):
    handed_in = hand_in("li", MAIN, z__py="x = 1\n" * (_MOST_CODE // 6), zz__py="y = 1\n")
    submission = take_in(handed_in.source, tmp_path / "again", load_assignment(None).limits)
    sketch = sketch_of(submission, 26)
    assert [file.path for file in sketch.code] == ["main.py"]
    assert sketch.left_out == ("z.py", "zz.py")


def test_code_is_read_from_notebooks_and_in_the_students_encoding(hand_in, tmp_path):
    cells = [
        {"cell_type": "code", "source": ["a = 1\n", "b = 2"]},
        {"cell_type": "markdown", "source": "# no code"},
        {"cell_type": "code", "source": "c = '\ud800'"},
    ]
    handed_in = hand_in("li", a__ipynb=json.dumps({"cells": cells}), b__ipynb="[" * 100_000, c__ipynb="{}")
    (handed_in.source / "gbk.py").write_bytes("名 = '垃圾'\n".encode("gbk"))
    sketch = sketch_of(take_in(handed_in.source, tmp_path / "again", load_assignment(None).limits), 26)
    texts = {file.path: file.text for file in sketch.code}
    assert texts.keys() == {"a.ipynb", "gbk.py", "main.py"}
    assert texts["a.ipynb"] == "a = 1\nb = 2\nc = '?'"
    assert texts["gbk.py"] == "名 = '垃圾'\n"
    assert from_bytes(to_bytes(sketch, "x"), "x").code == sketch.code


def test_a_zip_is_compared_like_a_folder(hand_in, collected, tmp_path):
    folder = hand_in("li", MAIN + VIEWS + VOTE, HEAD)
    archive = tmp_path / "wang.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in folder.source.iterdir():
            zipped.write(path, path.name)
    zipped_in = HandedIn("wang", archive, folder.sha256)
    page = render_similarity(Heading("Lab"), 2, collected(folder, zipped_in), given_to_all((), 26))
    assert read_in("en", page).count("li, wang 2 students") == 2
    assert "the same file" in read_in("en", page)
