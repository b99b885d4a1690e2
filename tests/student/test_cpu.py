import os
import subprocess
import sys
from pathlib import Path

import pytest
from src_mindspore import cpu


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without the variable and without MindSpore, on a CPU with AVX-512."""
    # Set before it is deleted, so that what a test sets is taken back too.
    monkeypatch.setenv(cpu.VARIABLE, "x")
    monkeypatch.delenv(cpu.VARIABLE)
    monkeypatch.delitem(sys.modules, "mindspore", raising=False)
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
def test_after_the_import_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mindspore", sys)
    assert not cpu.cap_onednn_isa()
    assert cpu.VARIABLE not in os.environ


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


@pytest.mark.mindspore
@pytest.mark.skipif(not cpu.has_avx512(), reason="this CPU has no AVX-512")
def test_importing_the_network_sets_the_cap() -> None:
    code = "import os, src_mindspore.mobilenetv2; print(os.environ['ONEDNN_MAX_CPU_ISA'])"
    environment = {name: value for name, value in os.environ.items() if name != cpu.VARIABLE}
    printed = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
    assert printed.strip() == "AVX2"


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
