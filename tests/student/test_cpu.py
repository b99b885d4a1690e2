import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
from src_mindspore import cpu


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without the variable and without MindSpore, on a CPU with AVX-512."""
    # Set before it is deleted, so that what a test sets is taken back too.
    monkeypatch.setenv(cpu.VARIABLE, "x")
    monkeypatch.delenv(cpu.VARIABLE)
    monkeypatch.delitem(sys.modules, "mindspore", raising=False)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(cpu, "has_avx512", lambda: True)


@pytest.mark.usefixtures("fresh")
def test_the_cap_is_set_before_mindspore_is_imported() -> None:
    assert cpu.cap_onednn_isa()
    assert os.environ[cpu.VARIABLE] == "AVX2"


@pytest.mark.usefixtures("fresh")
def test_a_user_s_own_value_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cpu.VARIABLE, "ALL")
    assert not cpu.cap_onednn_isa()
    assert os.environ[cpu.VARIABLE] == "ALL"


@pytest.mark.usefixtures("fresh")
def test_pytorch_which_reads_the_same_variable_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", sys)
    assert not cpu.cap_onednn_isa()
    assert cpu.VARIABLE not in os.environ


@pytest.mark.usefixtures("fresh")
def test_a_release_of_mindspore_without_a_onednn_of_its_own_is_told_by_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "lib").mkdir()
    package = ModuleType("mindspore")
    package.__file__ = str(tmp_path / "__init__.py")
    monkeypatch.setitem(sys.modules, "mindspore", package)
    for name in ("libother.so", "libdnnl.so.3"):
        (tmp_path / "lib" / name).touch()
        assert cpu.cap_onednn_isa()
        assert os.environ.pop(cpu.VARIABLE) == "AVX2"


ASKED = """
import ctypes, os, sys
from pathlib import Path
{program}
import mindspore
library = next(Path(mindspore.__file__).with_name("lib").glob("libdnnl.so*"))
print(hex(ctypes.CDLL(str(library)).dnnl_get_effective_cpu_isa()), os.environ.get("ONEDNN_MAX_CPU_ISA"))
"""
CONVOLVES = """
import mindspore, numpy
mindspore.nn.Conv2d(1, 1, 3)(mindspore.Tensor(numpy.ones((1, 1, 8, 8), numpy.float32))).asnumpy()
"""


def onednn_after(program: str) -> tuple[str, str]:
    """What oneDNN computes with after a program, with the variable; and what was said."""
    code = ASKED.format(program=program)
    environment = {name: value for name, value in os.environ.items() if name != cpu.VARIABLE}
    environment |= {"GLOG_v": "3", "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, encoding="utf-8", check=True
    )
    return done.stdout.splitlines()[-1], done.stderr


@pytest.mark.mindspore
@pytest.mark.skipif(not cpu.has_avx512(), reason="this CPU has no AVX-512")
@pytest.mark.parametrize("first", ["mindspore", "src_mindspore.transforms", "src_mindspore.mobilenetv2"])
def test_whichever_is_imported_first_onednn_stays_off_its_slow_path(first: str) -> None:
    said = onednn_after(f"import {first}, mindspore, src_mindspore.mobilenetv2\n{CONVOLVES}")
    assert said == (f"{hex(cpu._AVX2)} AVX2", "")


TRAINS = """
import importlib, sys
importlib.import_module(sys.argv[1])
import mindspore as ms, numpy as np
from mindspore import nn
from src_mindspore.mobilenetv2 import MobileNetV2
ms.set_context(mode=ms.GRAPH_MODE)
network = MobileNetV2(num_classes=2, width_mult=0.25, inverted_residual_setting=[(1, 16, 1, 1), (6, 24, 1, 2)])
optimizer = nn.Momentum(network.trainable_params(), 0.01, 0.9)
loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean")
step = nn.TrainOneStepCell(nn.WithLossCell(network, loss), optimizer).set_train()
step(ms.Tensor(np.ones((2, 3, 64, 64), np.float32)), ms.Tensor(np.array([0, 1], np.int32))).asnumpy()
"""


def convolutions_of_a_training_step(first: str) -> Counter[str]:
    """Which kernels oneDNN computes the convolutions of a step with, and how often."""
    environment = {name: value for name, value in os.environ.items() if name != cpu.VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", TRAINS, first],
        env={**environment, "GLOG_v": "3", "ONEDNN_VERBOSE": "1"},
        capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip
    # onednn_verbose,v1,primitive,exec,cpu,convolution,jit:avx2,backward_weights,...
    lines = [line.split(",") for line in done.stdout.splitlines() if ",convolution," in line]
    return Counter(line[line.index("convolution") + 1] for line in lines if "exec" in line)


@pytest.mark.mindspore
@pytest.mark.skipif(not cpu.has_avx512(), reason="this CPU has no AVX-512")
def test_a_student_s_file_that_imports_mindspore_first_trains_with_the_same_kernels() -> None:
    ours, theirs = (convolutions_of_a_training_step(first) for first in ("src_mindspore", "mindspore"))
    assert ours == theirs
    assert ours.total() >= 3 * 6, "forward, and backward to inputs and to weights"
    assert not [kernel for kernel in ours if kernel.startswith("ref")], "none is oneDNN's slow reference"


@pytest.mark.mindspore
@pytest.mark.skipif(not cpu.has_avx512(), reason="this CPU has no AVX-512")
def test_where_it_is_too_late_one_line_says_that_training_will_be_slow() -> None:
    used, said = onednn_after(
        f"{CONVOLVES}\nimport src_mindspore.mobilenetv2\nfrom src_mindspore.cpu import *\ncap_onednn_isa()"
    )
    assert used.endswith(" None")
    assert int(used.split()[0], 16) > cpu._AVX2
    assert (said.count("\n"), "training will be many times slower" in said, "会慢很多倍" in said) == (
        1,
        True,
        True,
    )


@pytest.mark.usefixtures("fresh")
def test_cpus_without_avx512_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "has_avx512", lambda: False)
    assert not cpu.cap_onednn_isa()
    assert cpu.VARIABLE not in os.environ


@pytest.mark.parametrize(
    ("machine", "flags", "expected"),
    [
        ("x86_64", "flags\t\t: fpu avx avx2 avx512f avx512bw", True),
        ("AMD64", "flags : avx512f", True),
        ("x86_64", "flags\t\t: fpu avx avx2", False),
        ("x86_64", "vmx flags\t: avx512f", False),
        ("aarch64", "flags\t\t: avx512f", False),
    ],
)
def test_avx512_is_read_from_the_cpu_s_flags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str, flags: str, expected: bool
) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\n{flags}\n", encoding="utf-8")
    assert cpu.has_avx512(cpuinfo) is expected


def test_a_system_without_cpuinfo_counts_as_without_avx512(tmp_path: Path) -> None:
    assert not cpu.has_avx512(tmp_path / "none")


@pytest.mark.parametrize(("load", "busy"), [(0.1, False), (1.4, False), (1.6, True)])
def test_a_machine_is_busy_when_more_wants_to_run_than_it_has_cores_for(
    monkeypatch: pytest.MonkeyPatch, load: float, busy: bool
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "getloadavg", lambda: (4 * load, 0.0, 0.0))
    assert cpu.is_busy() is busy


def test_where_the_load_is_not_known_a_machine_is_not_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> tuple[float, float, float]:
        raise OSError

    monkeypatch.setattr(os, "getloadavg", unknown)
    assert not cpu.is_busy()
    monkeypatch.delattr(os, "getloadavg")
    assert not cpu.is_busy()
