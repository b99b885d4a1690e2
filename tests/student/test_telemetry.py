"""Nothing leaves the machine: ONNX Runtime is told so before anything of ours imports it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

VARIABLE = "ORT_DISABLE_TELEMETRY"


def told(module: str, home: Path, **environment: str) -> str:
    """What ONNX Runtime reads when a module has imported it, in a home of its own."""
    code = (
        f"import sys, os, {module}; assert 'onnxruntime' in sys.modules; print(os.environ.get('{VARIABLE}'))"
    )
    others = {name: value for name, value in os.environ.items() if name not in (VARIABLE, "HOME", "TMPDIR")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env={**others, "HOME": str(home), "TMPDIR": str(home), **environment},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    "module", ["src_mindspore.engine.session", "reference.features", "reference.exporting.formats"]
)
def test_onnx_runtime_keeps_and_sends_nothing(module: str, tmp_path: Path) -> None:
    assert told(module, tmp_path) == "1"
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert not left & {"deviceid", "onnxruntime.db", ".ses"}


def test_a_user_s_own_value_stays(tmp_path: Path) -> None:
    assert told("src_mindspore.engine.session", tmp_path, **{VARIABLE: "true"}) == "true"
