"""The audit of two sets of images, and dividing one into two."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from grader.audit import read_set
from grader.audit.judging import STRENGTH, find_suspects, judge_left_out
from grader.audit.looks import find_leaks
from grader.audit.pictures import Picture, exif_orientation, find_groups
from grader.cli import main
from grader.cli.split import ACTIONS
from tests.image_files import encoded, exif, jpeg_with_exif, png_with_exif, put

CLASSES = ("00_00", "00_01", "00_02")
EACH = 8
CACHED = Path.home() / ".cache" / "lab-grader" / "mobilenetv2_imagenet.ckpt"


def picture(seed, side=64):
    """A smooth picture that is like no other."""
    noise = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), np.uint8)
    return cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)


def draw(folder, first, each=EACH):
    for number, label in enumerate(CLASSES):
        (folder / label).mkdir(parents=True)
        for index in range(each):
            image = picture(first + 100 * number + index)
            cv2.imwrite(str(folder / label / f"{index:05d}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return folder


@pytest.fixture
def sets(tmp_path):
    return draw(tmp_path / "train", 0), draw(tmp_path / "hidden", 1000)


def audit(capsys, train, hidden, *more):
    code = main(["split", "audit", str(train), str(hidden), *more])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_a_clean_split_is_said_to_be_clean(sets, capsys):
    code, said = audit(capsys, *sets)
    assert code == 0
    assert said.startswith(
        "24 training images, 24 hidden ones\n\n  Nothing was found.\n\n  Pictures were compared by "
    )
    assert "--weights FILE" in said


def test_the_audit_speaks_chinese(sets, capsys, tmp_path):
    shutil.copy(sets[0] / "00_00" / "00003.jpg", sets[1] / "00_00" / "99.jpg")
    code, said = audit(capsys, *sets, "--lang", "zh", "--out", str(tmp_path / "audit.html"))
    assert code == 1
    assert "1 张隐藏图像与训练集中的图像逐像素相同" in said
    assert '<html lang="zh">' in (tmp_path / "audit.html").read_text(encoding="utf-8")


def drawn(folder, label, first, count, darker):
    """Pictures of one class that are dark or bright."""
    (folder / label).mkdir(parents=True, exist_ok=True)
    for index in range(count):
        image = picture(first + index) // 3 + (0 if darker else 160)
        cv2.imwrite(str(folder / label / f"{first + index:05d}.png"), image.astype(np.uint8))


def test_a_class_whose_hidden_images_are_of_another_kind_is_flagged_and_no_other(tmp_path, capsys):
    train, hidden = tmp_path / "train", tmp_path / "hidden"
    for number, label in enumerate(CLASSES):
        drawn(train, label, 100 * number, 40, darker=True)
        drawn(hidden, label, 5000 + 100 * number, 5, darker=label != "00_01")
    code, said = audit(capsys, train, hidden, "--out", str(tmp_path / "audit.html"))
    assert code == 1
    assert said.count("are another kind of picture") == 1
    assert "The hidden images of 00_01 are another kind of picture than its training images" in said
    page = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert page.count('class="shifted"') == 1


def features_of_classes(rng, each=40):
    """Vectors in three tight heaps, one a class, as a good network gives."""
    centres = np.eye(3, 16)
    vectors = np.concatenate([centre + 0.1 * rng.normal(size=(each, 16)) for centre in centres])
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def blank(label, index):
    small = np.zeros(32 * 32, np.float32)
    return Picture(Path(f"{index}.jpg"), "train", label, 1, str(index), (8, 8), np.zeros(63, bool), small)


def test_a_wrong_label_is_found_by_judge_and_neighbours_and_a_right_one_is_not():
    vectors = features_of_classes(np.random.default_rng(0))
    labels = [label for label in CLASSES for _ in range(40)]
    labels[7] = "00_02"
    pictures = [blank(label, index) for index, label in enumerate(labels)]
    suspects = find_suspects(pictures, vectors, judge_left_out(vectors, labels))
    assert [(suspect.picture.name, suspect.looks_like) for suspect in suspects] == [("00_02/7.jpg", "00_00")]


def test_features_that_tell_no_class_accuse_no_label():
    vectors = np.random.default_rng(0).normal(size=(120, 16)).astype(np.float32)
    labels = [label for label in CLASSES for _ in range(40)]
    pictures = [blank(label, index) for index, label in enumerate(labels)]
    assert find_suspects(pictures, vectors, judge_left_out(vectors, labels)) == []


def test_the_judge_s_shortcut_gives_what_leaving_out_gives():
    rng = np.random.default_rng(1)
    vectors = features_of_classes(rng, each=5)
    labels = [label for label in CLASSES for _ in range(5)]
    centred = (vectors - vectors.mean(axis=0)).astype(float)
    targets = np.eye(3)[[CLASSES.index(label) for label in labels]]
    targets -= targets.mean(axis=0)
    scores = judge_left_out(vectors, labels).scores
    for out in range(15):
        x, y = np.delete(centred, out, 0), np.delete(targets, out, 0)
        expected = centred[out] @ np.linalg.solve(x.T @ x + STRENGTH * np.eye(16), x.T @ y)
        np.testing.assert_allclose(scores[out], expected, atol=1e-6)


def test_a_network_finds_mirrored_copies_and_says_when_the_weights_do_not_do(sets, capsys, tmp_path):
    (tmp_path / "no.ckpt").write_bytes(b"no checkpoint")
    for weights, sentence in (
        (tmp_path / "absent.ckpt", "do not exist"),
        (tmp_path / "no.ckpt", "is not a MindSpore"),
    ):
        code, said = audit(capsys, *sets, "--weights", str(weights))
        assert (code, sentence in said, len(said.splitlines())) == (2, True, 1)
    checkpoint = CACHED
    if not checkpoint.is_file():
        pytest.skip("python -m reference.pretrained was not run here")
    mirrored = cv2.imread(str(sets[0] / "00_00" / "00003.jpg"))[:, ::-1]
    cv2.imwrite(str(sets[1] / "00_00" / "99.png"), mirrored)
    assert "look like a training image" not in audit(capsys, *sets)[1]
    code, said = audit(capsys, *sets, "--weights", str(checkpoint))
    assert code == 1
    assert "00_00/99.png ~ 00_00/00003.jpg" in said


def test_a_copy_across_the_sets_is_found_whatever_its_name_and_packing(sets, capsys):
    train, hidden = sets
    shutil.copy(train / "00_00" / "00003.jpg", hidden / "00_00" / "99.jpg")
    same = cv2.imread(str(train / "00_01" / "00004.jpg"))
    cv2.imwrite(str(hidden / "00_01" / "98.png"), same)
    code, said = audit(capsys, train, hidden)
    assert code == 1
    assert "2 hidden images are in the training set, to the pixel" in said
    assert "00_00/99.jpg = 00_00/00003.jpg; 00_01/98.png = 00_01/00004.jpg" in said


def test_a_near_copy_is_found(sets, capsys):
    train, hidden = sets
    image = cv2.imread(str(train / "00_02" / "00001.jpg"))
    brighter = cv2.convertScaleAbs(cv2.resize(image[1:, 1:], (90, 90)), alpha=0.95, beta=8)
    cv2.imwrite(str(hidden / "00_02" / "97.jpg"), brighter, [cv2.IMWRITE_JPEG_QUALITY, 60])
    code, said = audit(capsys, train, hidden)
    assert code == 1
    assert "1 hidden image looks like a training image" in said
    assert "00_02/97.jpg ~ 00_02/00001.jpg" in said


def test_one_picture_in_two_classes_is_found(sets, capsys):
    train, hidden = sets
    shutil.copy(train / "00_00" / "00001.jpg", train / "00_01" / "77.jpg")
    code, said = audit(capsys, train, hidden)
    assert (code, "1 group of duplicates lies in more than one class" in said) == (1, True)


def test_missing_empty_and_uneven_classes_and_bad_files_are_named(sets, capsys):
    train, hidden = sets
    shutil.rmtree(hidden / "00_02")
    (train / "00_03").mkdir()
    (train / "00_00" / "broken.jpg").write_bytes(b"\xff\xd8\xff and no more")
    (train / "00_00" / "notes.txt").write_text("mine", encoding="utf-8")
    for index in range(30):
        cv2.imwrite(str(train / "00_01" / f"more{index}.png"), picture(5000 + index))
    code, said = audit(capsys, train, hidden)
    assert code == 1
    assert "2 classes of the training set are not in the hidden set\n    00_02; 00_03" in said
    assert "1 class of the training set is empty\n    00_03" in said
    assert "1 file of the training set is damaged or no image\n    00_00/broken.jpg" in said
    assert "1 file of the training set is passed over\n    00_00/notes.txt" in said


def test_what_a_grading_would_refuse_or_pass_over_is_named(sets, capsys):
    train, hidden = sets
    put(train / "00_00" / "animated.gif", b"GIF89a")
    (hidden / "00_01" / "gone.jpg").symlink_to(hidden / "nothing")
    put(hidden / "__MACOSX" / "._00_00")
    put(hidden / "00_01" / ".ipynb_checkpoints" / "a.jpg")
    put(hidden / "00_02" / "photo.jfif", encoded(".jpg"))
    code, said = audit(capsys, train, hidden)
    assert code == 1
    assert "24 training images, 25 hidden ones" in said
    assert "x 1 file of the training set is an image of a kind that is not read" in said
    assert "convert it to JPEG or PNG\n    00_00/animated.gif\n" in said
    assert "x 1 entry of the hidden set is a link to nothing" in said
    assert "or remove the link\n    00_01/gone.jpg\n" in said
    assert "- 2 files of the hidden set are passed over\n    00_01/.ipynb_checkpoints; __MACOSX\n" in said
    assert "are not in the" not in said


def test_photos_that_their_exif_data_turns_are_named_with_their_orientation(sets, capsys):
    train, hidden = sets
    put(train / "00_00" / "upright.jpg", jpeg_with_exif(1))
    put(train / "00_00" / "phone.jpg", jpeg_with_exif(6))
    code, said = audit(capsys, train, hidden)
    assert code == 0
    assert "1 image of the training set is stored turned or mirrored" in said
    assert "\n    00_00/phone.jpg (6)\n" in said


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpeg <", "jpeg >", "png"])
def test_the_orientation_is_read_where_opencv_obeys_it(orientation, kind):
    photo = png_with_exif(orientation) if kind == "png" else jpeg_with_exif(orientation, kind[-1])
    assert exif_orientation(photo) == orientation
    pixels = np.frombuffer(photo, np.uint8)
    turned = cv2.imdecode(pixels, cv2.IMREAD_COLOR)
    as_saved = cv2.imdecode(pixels, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    assert np.array_equal(turned, as_saved) == (orientation == 1)


def test_exif_data_that_is_cut_off_or_nonsense_turns_nothing():
    photo = jpeg_with_exif(6)
    start = photo.index(b"Exif")
    for end in range(start, start + 24):
        assert exif_orientation(photo[:end]) == 1
    assert exif_orientation(photo.replace(exif(6), exif(9))) == 1
    assert exif_orientation(photo.replace(exif(6), exif(6)[:8] + b"\xff" * 18)) == 1
    assert exif_orientation(encoded(".jpg")) == 1


def test_a_division_says_what_it_leaves_out_and_refuses_what_it_must_not(sets, tmp_path, capsys):
    train, _ = sets
    put(train / "00_00" / "notes.txt")
    code, said = make(capsys, train, tmp_path / "out")
    assert (code, "passed over: 1 file without an image's extension (00_00/notes.txt)" in said) == (0, True)
    put(train / "00_00" / "phone.heic")
    code, said = make(capsys, train, tmp_path / "other")
    assert (code, "phone.heic is an image of a format that is not supported" in said) == (2, True)
    assert not (tmp_path / "other").exists()
    assert (
        main(
            [
                *["split", "make", "--hidden", "9", "--seed", "1", "--lang", "zh", "--out"],
                str(tmp_path / "other"),
                str(train),
            ]
        )
        == 2
    )
    said = capsys.readouterr().err
    assert said == f"grader: {train / '00_00' / 'phone.heic'} 的图像格式不受支持：请转换为 JPEG 或 PNG\n"


def test_uneven_classes_are_told(sets, capsys):
    train, hidden = sets
    for index in range(30):
        cv2.imwrite(str(train / "00_01" / f"more{index}.png"), picture(5000 + index))
    code, said = audit(capsys, train, hidden)
    assert (code, "The classes of the training set are uneven: 8 to 38 images" in said) == (0, True)


@pytest.mark.parametrize("clue", ["number", "letters", "size", "shape"])
def test_a_class_that_can_be_told_without_the_picture_is_found(clue, tmp_path):
    for number, label in enumerate(CLASSES):
        (tmp_path / label).mkdir()
        for index in range(12):
            name = {"number": f"{12 * number + index:05d}", "letters": f"{'abc'[number]}{index}"}.get(
                clue, f"{index}"
            )
            image = picture(100 * number + index, 40 + 30 * number if clue == "shape" else 64)
            if clue == "size":
                image = cv2.resize(picture(100 * number + index, 6), (64, 64), interpolation=number)
            cv2.imwrite(str(tmp_path / label / f"{name}.png"), image)
    found = {leak.clue for leak in find_leaks(read_set(tmp_path, "hidden").pictures)}
    assert clue in found


def test_numbers_that_begin_anew_in_every_class_tell_nothing(sets):
    assert find_leaks(read_set(sets[1], "hidden").pictures) == []


def test_the_page_shows_the_pictures_and_needs_nothing_else(sets, tmp_path, capsys):
    train, hidden = sets
    shutil.copy(train / "00_00" / "00003.jpg", hidden / "00_00" / "<b>.jpg")
    page = tmp_path / "pages" / "audit.html"
    assert audit(capsys, train, hidden, "--out", str(page))[0] == 1
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/jpeg;base64,") == 2
    assert "&lt;b&gt;.jpg" in text
    assert "<b>.jpg" not in text
    assert "http" not in text.replace("http-equiv", "")


@pytest.mark.parametrize("is_reliable", [True, False])
def test_the_page_has_no_column_without_a_figure(is_reliable, sets, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("grader.audit.judging.Judgement.is_reliable", is_reliable)
    page = tmp_path / "audit.html"
    audit(capsys, *sets, "--out", str(page))
    assert ("hidden, recognised" in page.read_text(encoding="utf-8")) == is_reliable


@pytest.mark.parametrize("problem", ["missing", "file", "flat", "same", "exists"])
def test_what_cannot_be_audited_is_refused_in_one_line(problem, sets, tmp_path, capsys):
    train, hidden = sets
    page = tmp_path / "page.html"
    page.write_text("mine", encoding="utf-8")
    arguments = {
        "missing": (tmp_path / "nowhere", hidden),
        "file": (page, hidden),
        "flat": (train / "00_00", hidden),
        "same": (train, train),
        "exists": (train, hidden, "--out", str(page)),
    }[problem]
    code, said = audit(capsys, *arguments)
    assert code == 2
    assert len(said.splitlines()) == 1
    assert page.read_text(encoding="utf-8") == "mine"


def make(capsys, folder, out, hidden="9", seed="1"):
    code = main(["split", "make", str(folder), "--hidden", hidden, "--seed", seed, "--out", str(out)])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def names(folder):
    return sorted(f"{path.parent.name}/{path.name}" for path in folder.rglob("*.*") if path.parent != folder)


def test_a_division_is_stratified_repeatable_and_complete(sets, tmp_path, capsys):
    train, _ = sets
    for out in ("one", "two"):
        assert make(capsys, train, tmp_path / out)[0] == 0
    assert make(capsys, train, tmp_path / "three", seed="2")[0] == 0
    hidden = names(tmp_path / "one" / "hidden")
    assert [sum(name.startswith(label) for name in hidden) for label in CLASSES] == [3, 3, 3]
    assert sorted([*hidden, *names(tmp_path / "one" / "train")]) == names(train)
    assert hidden == names(tmp_path / "two" / "hidden") != names(tmp_path / "three" / "hidden")
    manifest = json.loads((tmp_path / "one" / "manifest.json").read_text(encoding="utf-8"))
    assert sorted(manifest["hidden"]) == hidden
    assert manifest["seed"] == 1


def test_duplicates_lie_on_one_side(sets, tmp_path, capsys):
    train, _ = sets
    for label in CLASSES:
        for index in range(EACH):
            shutil.copy(train / label / f"{index:05d}.jpg", train / label / f"copy{index}.jpg")
    assert make(capsys, train, tmp_path / "out", hidden="18")[0] == 0
    both = [read_set(tmp_path / "out" / name, name).pictures for name in ("train", "hidden")]
    assert len(both[1]) == 18
    assert all(len(group.sets) == 1 for group in find_groups([*both[0], *both[1]]))


@pytest.mark.parametrize(
    ("hidden", "out"), [("2", "out"), ("24", "out"), ("-1", "out"), ("9", "full"), ("9", "train/in")]
)
def test_a_division_that_cannot_be_made_is_refused(hidden, out, sets, tmp_path, capsys):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine", encoding="utf-8")
    before = names(tmp_path)
    code, said = make(capsys, sets[0], tmp_path / out, hidden=hidden)
    assert code == 2
    assert len(said.splitlines()) == 1
    assert names(tmp_path) == before


def test_the_exit_codes_are_told():
    assert "1 something serious was found" in ACTIONS["audit"].epilog
