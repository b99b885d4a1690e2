"""What was handed out is known by the digest of every file, and by the heads of its checkpoints."""

import zipfile

import numpy as np
import pytest

from grader.errors import UsageError
from grader.files import digest_of_bytes
from grader.similarity import digests_of, given_to_all
from tests.checkpoint_bytes import mindspore_bytes
from tests.grader.similarity.conftest import CLASSES
from tests.test_architecture import ROOT

HEAD = np.eye(CLASSES, 20, dtype=np.float32)
FILES = {"start.ckpt": mindspore_bytes({"head.weight": HEAD}), "features.npy": b"\x93NUMPY", "lecture.py": b"x = 1\n"}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "out" / "data").mkdir(parents=True)
    for name, content in FILES.items():
        (tmp_path / "out" / "data" / name).write_bytes(content)
    (tmp_path / "out" / "empty.npy").write_bytes(b"")
    return tmp_path / "out"


@pytest.fixture
def archive(folder, tmp_path):
    path = tmp_path / "handout.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        for name in FILES:
            zipped.write(folder / "data" / name, f"lab/{name}")
    return path


def test_a_folder_a_zip_and_single_files_can_be_named(folder, archive):
    wanted = {digest_of_bytes(content) for content in FILES.values()}
    for named in ([folder], [archive], [*(folder / "data").iterdir()]):
        given = given_to_all(named, CLASSES)
        found = digests_of(given)
        assert wanted <= found
        assert digest_of_bytes(b"") not in found, "an empty file is everybody's"
        (head,) = (head for part in given for head in part.heads)
        np.testing.assert_array_equal(head, HEAD)
        assert "x = 1\n" in [file.text for part in given for file in part.files]


def test_what_the_lab_hands_out_need_not_be_named():
    found = digests_of(given_to_all([], CLASSES))
    for name in ("main.py", "train_main.py", "src_mindspore/mobilenetv2.py"):
        assert digest_of_bytes((ROOT / "student" / name).read_bytes()) in found


def test_an_archive_that_cannot_be_read_is_a_usage_error(tmp_path):
    (tmp_path / "handout.zip").write_bytes(b"PK\x03\x04")
    with pytest.raises(UsageError, match=r"cannot read --handed-out .*handout\.zip"):
        given_to_all([tmp_path / "handout.zip"], CLASSES)
