"""Like code is found under other names and in another order; what was handed out is no likeness."""

import time

import pytest

from grader.errors import UsageError
from grader.similarity import ClassCode, given_to_all
from grader.similarity.code import GRAM, tokenize
from grader.sketch import CodeFile, Sketch

VIEWS = '''
def views(image):
    """Several views of one image."""
    flipped = image[:, ::-1]
    height, width = image.shape[:2]
    crops = [image, flipped]
    for scale in (0.8, 0.9):
        top, left = int(height * (1 - scale) / 2), int(width * (1 - scale) / 2)
        crops.append(image[top : height - top, left : width - left])
        crops.append(flipped[top : height - top, left : width - left])
    return np.stack([evaluation_transform(np.ascontiguousarray(crop)) for crop in crops])
'''
VOTE = '''
def vote(logits, temperature=1.5):
    """The mean of what all views say."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    odds = np.exp(shifted / temperature)
    odds /= odds.sum(axis=1, keepdims=True)
    return int(np.log(odds + 1e-9).mean(axis=0).argmax())
'''
OTHER = """
def turned(image):
    total = None
    for angle in range(-10, 11, 5):
        matrix = cv2.getRotationMatrix2D((image.shape[1] // 2, image.shape[0] // 2), angle, 1.0)
        picture = cv2.warpAffine(image, matrix, (image.shape[1], image.shape[0]))
        picture = cv2.GaussianBlur(picture, (3, 3), 0) if angle else picture
        scores = network(ms.Tensor(evaluation_transform(picture)[None])).asnumpy()[0]
        total = scores if total is None else np.maximum(total, scores)
    return total
"""
GIVEN = given_to_all((), 26)
TEMPLATE = next(part.files for part in GIVEN if part.name == "student")
(MAIN,) = (file.text for file in TEMPLATE if file.path == "main.py")


def code_of(**texts):
    sketches = {id_: Sketch((CodeFile("main.py", text),), ()) for id_, text in texts.items()}
    return ClassCode(sketches, [file for part in GIVEN for file in part.files])


def groups(code):
    return [cluster.ids for cluster in code.clusters()]


def test_the_templates_are_no_likeness():
    code = code_of(
        a=MAIN,
        b=MAIN.replace("mobilenetv2.ckpt", "best.ckpt"),
        c=MAIN + "\n# mine\nSEED = 2\n",
        d=MAIN.replace("    batch = evaluation_transform(image)", "    print(image.shape)\n    batch = evaluation_transform(image)"),
    )  # fmt: skip
    assert groups(code) == []
    assert code.compared == 0


def test_copied_code_is_found_under_other_names_elsewhere_in_the_file():
    renamed = VIEWS
    for old, new in [
        ("views", "augment"),
        ("crops", "pieces"),
        ("flipped", "m"),
        ("height", "h"),
        ("width", "w"),
    ]:
        renamed = renamed.replace(old, new)
    renamed = renamed.replace('"""Several views of one image."""', "# my own idea").replace(
        "0.8, 0.9", ".7, .85"
    )
    code = code_of(li=MAIN + VIEWS + VOTE, wang="import os\n" + VOTE + renamed + MAIN, honest=MAIN + OTHER)
    assert groups(code) == [("li", "wang")]
    (link,) = code.clusters()[0].links
    assert link.share > 0.7
    left, right = code.side_by_side(link)
    marked = {
        piece.text for line in left.lines for piece in line.pieces if piece.kind == "shared" and line.number
    }
    assert any("np.stack" in text for text in marked)
    shown = "".join(piece.text for line in right.lines for piece in line.pieces)
    assert "pieces.append" in shown
    assert "CLASSES = [" not in shown, "what is far from any likeness is left out"


def test_different_ideas_for_the_same_task_are_not_put_together():
    assert groups(code_of(a=MAIN + VIEWS + VOTE, b=MAIN + OTHER)) == []


def test_what_the_instructor_handed_out_is_no_likeness_either(tmp_path):
    (tmp_path / "lecture.py").write_text(VIEWS + VOTE, encoding="utf-8")
    given = [file for part in given_to_all([tmp_path], 26) for file in part.files]
    sketches = {id_: Sketch((CodeFile("main.py", MAIN + VIEWS + VOTE),), ()) for id_ in "ab"}
    assert groups(ClassCode(sketches, given)) == []
    (tmp_path / "empty").mkdir()
    for wrong, why in (("nowhere", "No such file"), ("empty", "has no file in it")):
        with pytest.raises(UsageError, match=why):
            given_to_all([tmp_path / wrong], 26)


def test_broken_code_has_tokens_too():
    assert len(tokenize("def predict(image)\n  '''never closed \\").spans) == 6
    assert len(tokenize("不是 Python ☃ \x00").spans) == 4


def test_a_gram_is_equal_for_equal_tokens_alone():
    one, other = tokenize(VIEWS), tokenize(VIEWS.replace("image", "x").replace("[:2]", "[:3]"))
    assert (one.grams == other.grams).all()
    assert len(one.grams) == len(one.spans) - GRAM + 1
    changed = tokenize(VIEWS.replace("np.stack", "np.concatenate"))
    assert 0 < (one.grams != changed.grams).sum() <= GRAM


@pytest.mark.parametrize(
    "text",
    ['"""' * 120_000, '"""' + '\\"""' * 100_000 + "\\", "'\\" * 200_000, 'r"' * 200_000, "(" * 400_000, "1." * 200_000, "\\" * 400_000],
    ids=["opened", "escaped", "quoted", "prefixed", "nested", "numbers", "slashes"],
)  # fmt: skip
def test_no_text_takes_long(text):
    began = time.process_time()
    tokenize(text)
    assert time.process_time() - began < 5


def test_what_would_steer_the_page_is_shown_as_unknown_characters():
    evil = VIEWS.replace("Several", "\u202e\x1b[31mSeveral")
    code = code_of(a=evil + VOTE, b=evil + VOTE)
    left, _ = code.side_by_side(code.clusters()[0].links[0])
    shown = "".join(piece.text for line in left.lines for piece in line.pieces)
    assert "Several" in shown
    assert "\u202e" not in shown
    assert "\x1b" not in shown
