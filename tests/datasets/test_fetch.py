"""Fetching the public data: what is right appears at once, what is not is refused, and no file of a user's is lost."""

import hashlib
import io
import subprocess
import sys
import threading
import tracemalloc
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load

from datasets import archives
from datasets.fetch import FLOWERS, GARBAGE, SETS, main
from grader.model.dataset import FLOWERS5, GARBAGE26, load_classes
from reference.weights import checkpoint_bytes, to_torchvision_names
from tests.reference.drawn_shapes import untrained_backbone

ROOT = Path(__file__).parents[2]
TRAIN, TEST = "flower_photos_train.zip", "flower_photos_test.zip"


def photo(number):
    """A PNG file by its signature, and no more: nothing here decodes it."""
    return b"\x89PNG\r\n\x1a\n....IDAT" + bytes([number % 256]) * 20


def zip_of(files, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    return out.getvalue()


def flowers(top, count=3, kinds=FLOWERS):
    return {
        f"{top}/{kind}/{number}.png": photo(7 * place + number)
        for place, kind in enumerate(kinds)
        for number in range(count)
    }


class Site(BaseHTTPRequestHandler):
    """Serves bytes by name, with ranges; may break off, or have the file changed meanwhile."""

    files: dict[str, bytes]
    breaks_off_after: int | None
    kind: str
    ranges: list[str | None]

    def do_GET(self):
        content = self.files.get(self.path.rpartition("/")[2])
        if content is None:
            self.send_error(404)
            return
        etag, wanted = f'"{hashlib.sha256(content).hexdigest()[:8]}"', self.headers.get("Range")
        self.ranges.append(wanted)
        begin = 0
        if wanted and self.headers.get("If-Range") == etag:
            begin = int(wanted.removeprefix("bytes=").rstrip("-"))
        if begin >= len(content) > 0:
            self.send_error(416)
            return
        self.send_response(206 if begin else 200)
        self.send_header("ETag", etag)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(content) - begin))
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        rest = content[begin:]
        self.wfile.write(rest if self.breaks_off_after is None else rest[: self.breaks_off_after])

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    """A class with what is served, and the address of it."""
    serving = type(
        "Serving", (Site,), {"files": {}, "breaks_off_after": None, "kind": "application/zip", "ranges": []}
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), serving)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    serving.address = f"http://127.0.0.1:{server.server_port}/lab"
    yield serving
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def flower_site(site):
    site.files = {
        TRAIN: zip_of(flowers("flower_photos_train")),
        TEST: zip_of(flowers("flower_photos_test", 1)),
    }
    return site


def fetch(site, out, *more, what="flowers"):
    return main([what, "--mirror", site.address, "--out", str(out), *map(str, more)])


def files_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_flowers_are_put_where_the_labs_look_for_them(flower_site, tmp_path, capsys):
    assert fetch(flower_site, tmp_path) == 0
    placed = {f"flower_photos/train/{kind}/{n}.png" for kind in FLOWERS for n in range(3)}
    placed |= {f"flower_photos/test/{kind}/0.png" for kind in FLOWERS}
    assert {*files_in(tmp_path)} == placed
    said = capsys.readouterr().out
    assert f"{TRAIN}: sha256 {hashlib.sha256(flower_site.files[TRAIN]).hexdigest()}" in said
    assert f"{tmp_path / 'flower_photos' / 'train'}: 15 images 张图像" in said
    # Once it is there, nothing is asked for.
    flower_site.ranges.clear()
    assert (fetch(flower_site, tmp_path), flower_site.ranges) == (0, [])


def test_the_garbage_is_found_wherever_it_lies_in_the_archive(site, tmp_path):
    files = {
        f"x-1/lab/garbage/{split}/{kind}/1.png": photo(1) for split in ("train", "val") for kind in GARBAGE
    }
    files |= {
        "x-1/lab/garbage/label.txt": "塑料瓶".encode("gbk"),
        "x-1/README.md": b"",
        "x-1/run/train/out.png": photo(2),
    }
    site.files["garbage_26x100.zip"] = zip_of(files)
    assert fetch(site, tmp_path, what="garbage") == 0
    there = files_in(tmp_path / "garbage_26x100")
    assert (len(there), there[0], there[-1]) == (53, "label.txt", "val/03_03/1.png")


def test_a_download_that_broke_off_goes_on_where_it_was(flower_site, tmp_path, capsys):
    flower_site.breaks_off_after = 200
    assert fetch(flower_site, tmp_path) == 1
    said = capsys.readouterr().err
    assert f"it broke off after 200 of {len(flower_site.files[TRAIN])} bytes" in said
    assert said.count("\n") == 1
    assert files_in(tmp_path) == [f"{TRAIN}.part", f"{TRAIN}.part.json"]
    flower_site.breaks_off_after = None
    assert fetch(flower_site, tmp_path) == 0
    assert flower_site.ranges == [None, "bytes=200-", None]
    assert not [*tmp_path.glob("*.part*")]


def test_the_rest_of_a_file_that_changed_is_not_put_behind_the_old_beginning(flower_site, tmp_path):
    flower_site.breaks_off_after = 200
    assert fetch(flower_site, tmp_path) == 1
    flower_site.breaks_off_after = None
    flower_site.files[TRAIN] = zip_of(flowers("other", 4))
    assert fetch(flower_site, tmp_path) == 0
    assert len(files_in(tmp_path / "flower_photos" / "train")) == 20


def test_a_web_page_in_place_of_the_file_does_not_end_a_download_that_began(flower_site, tmp_path, capsys):
    """As the page is that wireless networks send before somebody logs in."""
    content = flower_site.files[TRAIN]
    flower_site.breaks_off_after = 200
    assert fetch(flower_site, tmp_path) == 1
    flower_site.files[TRAIN], flower_site.kind = b"<html>log in</html>", "text/html; charset=utf-8"
    assert fetch(flower_site, tmp_path) == 1
    assert "a web page came in place of the file" in capsys.readouterr().err
    assert (tmp_path / f"{TRAIN}.part").read_bytes() == content[:200]
    flower_site.files[TRAIN], flower_site.kind, flower_site.breaks_off_after = (
        content,
        "application/zip",
        None,
    )
    assert fetch(flower_site, tmp_path) == 0
    assert flower_site.ranges[2] == "bytes=200-"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_whole_download_stays_where_it_could_not_be_unpacked(
    stop, flower_site, tmp_path, capsys, monkeypatch
):
    def full(*_):
        raise stop

    monkeypatch.setattr(archives, "_extract", full)
    assert fetch(flower_site, tmp_path) == (130 if stop is KeyboardInterrupt else 1)
    assert capsys.readouterr().err.strip().count("\n") == 0
    assert files_in(tmp_path) == [f"{TRAIN}.part", f"{TRAIN}.part.json"]
    monkeypatch.undo()
    assert fetch(flower_site, tmp_path) == 0
    assert files_in(tmp_path)[0].startswith("flower_photos/")


def test_an_image_that_says_less_than_it_has_is_not_unpacked_to_its_end(flower_site, tmp_path):
    size = 64 << 20
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in {**GOOD, "t/daisy/9.png": photo(1) + bytes(size)}.items():
            zipped.writestr(name, content)
    said = len(photo(1) + bytes(size)).to_bytes(4, "little")
    flower_site.files[TRAIN] = out.getvalue().replace(said, (99).to_bytes(4, "little"))
    tracemalloc.start()
    try:
        assert fetch(flower_site, tmp_path) == 2
        assert tracemalloc.get_traced_memory()[1] < size // 4
    finally:
        tracemalloc.stop()
    assert files_in(tmp_path) == []


def test_a_link_of_a_user_s_that_leads_nowhere_is_not_written_through(flower_site, tmp_path):
    out = tmp_path / "out"
    (out / "flower_photos").mkdir(parents=True)
    (out / "flower_photos" / "LICENSE.txt").symlink_to(tmp_path / "elsewhere")
    flower_site.files[TRAIN] = zip_of({**flowers("t"), "t/LICENSE.txt": b"theirs"})
    assert fetch(flower_site, out) == 0
    assert not (tmp_path / "elsewhere").exists()


def test_a_download_that_was_complete_but_not_unpacked_is_used(flower_site, tmp_path):
    content = flower_site.files[TRAIN]
    flower_site.breaks_off_after = len(content) - 1
    assert fetch(flower_site, tmp_path) == 1
    part = tmp_path / f"{TRAIN}.part"
    part.write_bytes(content)
    flower_site.breaks_off_after = None
    assert fetch(flower_site, tmp_path) == 0


@pytest.mark.parametrize("name", [f"{TRAIN}.part", f"{TRAIN}.part.json", "flower_photos/train/mine.txt"])
def test_a_file_of_a_user_s_that_is_in_the_way_is_named_and_kept(name, flower_site, tmp_path, capsys):
    mine = tmp_path / name
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("mine", encoding="utf-8")
    assert fetch(flower_site, tmp_path) == 2
    assert (files_in(tmp_path), mine.read_text(encoding="utf-8")) == ([name], "mine")
    assert str(tmp_path) in (said := capsys.readouterr().err)
    assert (said.count("\n"), "move it away" in said) == (1, True)


def test_what_a_student_has_beside_the_set_stays(flower_site, tmp_path):
    folder = tmp_path / "flower_photos"
    folder.mkdir()
    for name in ("notes.md", "LICENSE.txt"):
        (folder / name).write_text("mine", encoding="utf-8")
    flower_site.files[TRAIN] = zip_of({**flowers("t"), "t/LICENSE.txt": b"theirs"})
    assert fetch(flower_site, tmp_path) == 0
    assert {(folder / name).read_text(encoding="utf-8") for name in ("notes.md", "LICENSE.txt")} == {"mine"}


def with_a_wrong_byte(files):
    content = bytearray(zip_of(files))
    content[content.index(b"IDAT") + 4] ^= 1
    return bytes(content)


def with_a_password(files):
    content = bytearray(zip_of(files))
    for start in (i for i in range(len(content)) if content[i : i + 4] in (b"PK\1\2", b"PK\3\4")):
        content[start + (8 if content[start + 2] == 1 else 6)] |= 1
    return bytes(content)


GOOD = flowers("t")
WRONG = {
    "no zip": b"<html>not found</html>",
    "cut off": zip_of(GOOD)[:-50],
    "a wrong byte": with_a_wrong_byte(GOOD),
    "a password": with_a_password(GOOD),
    "a class is missing": zip_of(flowers("t", kinds=FLOWERS[:4])),
    "a class too many": zip_of({**GOOD, "t/violets/1.png": photo(1)}),
    "two sets": zip_of({**GOOD, **flowers("u")}),
    "another method": zip_of(GOOD, zipfile.ZIP_BZIP2),
    "no image": zip_of({**GOOD, "t/daisy/9.jpg": b"<html>"}),
    "other capitals": zip_of({**GOOD, "t/daisy/0.PNG": photo(9)}),
    "images elsewhere": zip_of({f"../{name}": content for name, content in flowers("daisy/..").items()}),
}


@pytest.mark.parametrize("kind", WRONG)
def test_an_archive_that_is_not_the_set_leaves_nothing(kind, flower_site, tmp_path, capsys):
    flower_site.files[TRAIN] = WRONG[kind]
    out = tmp_path / "a" / "b"
    code = fetch(flower_site, out)
    said = capsys.readouterr().err
    left = files_in(tmp_path)
    if kind == "images elsewhere":  # a path that leads out of the archive names a class folder, and no more
        assert (code, all(name.startswith("a/b/flower_photos/") for name in left)) == (0, True)
        return
    assert (code, left, said.count("\n")) == (2, [], 1)
    assert said.startswith(f"error: {out / TRAIN}.part: ")


def test_another_sha256_than_the_teacher_s_is_refused(flower_site, tmp_path, capsys):
    right = [hashlib.sha256(content).hexdigest() for content in flower_site.files.values()]
    assert fetch(flower_site, tmp_path, "--sha256", "0" * 64) == 2
    assert "its sha256 is not the one given" in capsys.readouterr().err
    assert files_in(tmp_path) == []
    assert fetch(flower_site, tmp_path, "--sha256", *right) == 0


def test_files_that_a_student_has_already_are_taken_and_stay(flower_site, tmp_path):
    for name, content in flower_site.files.items():
        (tmp_path / name).write_bytes(content)
    given = [str(tmp_path / name) for name in (TRAIN, TEST)]
    assert main(["flowers", "--out", str(tmp_path / "out"), "--from", *given]) == 0
    assert [(tmp_path / name).read_bytes() for name in (TRAIN, TEST)] == [*flower_site.files.values()]
    assert flower_site.ranges == []


def test_a_site_that_does_not_answer_is_no_fault_of_the_student_s(site, tmp_path, capsys):
    assert fetch(site, tmp_path) == 1
    assert f"{site.address}/{TRAIN}: HTTP Error 404" in capsys.readouterr().err


@pytest.fixture
def copy_of_the_command(tmp_path):
    """As in a handout: the package in a folder of its own, and no other of ours."""
    (tmp_path / "datasets").mkdir()
    for path in (ROOT / "datasets").glob("*.py"):
        (tmp_path / "datasets" / path.name).write_bytes(path.read_bytes())
    return tmp_path


def run(folder, *arguments):
    command = [sys.executable, "-S", "-m", "datasets.fetch", *arguments]
    return subprocess.run(
        command, cwd=folder, env={"PYTHONUTF8": "1"}, capture_output=True, encoding="utf-8", check=False
    )


@pytest.fixture(scope="module")
def checkpoint():
    """As the labs' own file: the backbone, and parameters of a classifier that nobody wants."""
    arrays = untrained_backbone()
    return arrays, checkpoint_bytes({**arrays, "head.1.weight": np.zeros((1000, 1280), np.float32)})


def test_one_command_puts_the_backbone_where_both_templates_look_with_python_alone(
    site, checkpoint, copy_of_the_command
):
    arrays, content = checkpoint
    site.files["mobilenetv2_cpu_gpu.ckpt"] = content
    done = run(copy_of_the_command, "backbone", "--mirror", site.address)
    assert (done.returncode, done.stderr) == (0, "")
    folder = copy_of_the_command / "student" / "pretrained"
    assert {path.name for path in folder.iterdir()} == {"mobilenetv2.ckpt", "mobilenetv2.safetensors"}
    assert (folder / "mobilenetv2.ckpt").read_bytes() == content
    made, wanted = load((folder / "mobilenetv2.safetensors").read_bytes()), to_torchvision_names(arrays)
    assert made.keys() == wanted.keys()
    assert all(np.array_equal(made[name], wanted[name]) for name in wanted)
    site.files.clear()  # it is there
    assert run(copy_of_the_command, "backbone", "--mirror", site.address).returncode == 0


def test_pytorch_s_file_is_made_of_the_checkpoint_that_was_handed_out(site, checkpoint, copy_of_the_command):
    folder = copy_of_the_command / "student" / "pretrained"
    folder.mkdir(parents=True)
    (folder / "mobilenetv2.ckpt").write_bytes(checkpoint[1])
    assert run(copy_of_the_command, "backbone", "--mirror", site.address).returncode == 0
    assert site.ranges == []
    made = (folder / "mobilenetv2.safetensors").read_bytes()
    assert load(made).keys() == to_torchvision_names(checkpoint[0]).keys()
    (folder / "mobilenetv2.safetensors").write_bytes(b"mine")
    done = run(copy_of_the_command, "backbone", "--mirror", site.address)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert (folder / "mobilenetv2.safetensors").read_bytes() == b"mine"


def test_another_file_is_no_backbone_and_one_that_is_there_is_kept(site, copy_of_the_command):
    site.files["mobilenetv2_cpu_gpu.ckpt"] = b"<html>"
    done = run(copy_of_the_command, "backbone", "--mirror", site.address)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    folder = copy_of_the_command / "student" / "pretrained"
    assert not folder.exists() or not [*folder.iterdir()]
    folder.mkdir(exist_ok=True)
    (folder / "mobilenetv2.ckpt").write_bytes(b"mine")
    assert run(copy_of_the_command, "backbone", "--mirror", site.address).returncode == 2
    assert (folder / "mobilenetv2.ckpt").read_bytes() == b"mine"


def test_the_classes_are_those_of_the_class_lists():
    for classes, listed in ((FLOWERS, FLOWERS5), (GARBAGE, GARBAGE26)):
        assert [*classes] == [info.folder for info in load_classes(listed)]


def test_the_addresses_are_the_labs_own():
    site = "https://professional.obs.cn-north-4.myhuaweicloud.com"
    assert [archive.url for archive in SETS["flowers"].archives] == [f"{site}/{TRAIN}", f"{site}/{TEST}"]
