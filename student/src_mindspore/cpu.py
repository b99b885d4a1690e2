"""What the CPU needs and offers: off the slow convolution path with AVX-512, and how many cores.

MindSpore 2.10 computes convolutions with oneDNN 3.10. On a CPU with AVX-512 that release sends 3x3 and
depthwise convolutions to its plain reference kernel (`ONEDNN_VERBOSE=1` shows `conv+ref:any`). Told to stay
at AVX2 it uses compiled kernels (`x64:gemm:jit`): MobileNetV2 then runs 6 to 10 times faster forward and 6
to 23 times faster in training. oneDNN makes up its mind when it first computes: until then it can be told, by
a variable of the environment or by a call, whether MindSpore has been imported or not.
"""

import ctypes
import os
import platform
import sys
from functools import cache
from pathlib import Path

VARIABLE = "ONEDNN_MAX_CPU_ISA"
_AVX2 = 0x7  # dnnl_cpu_isa_avx2, in oneDNN's include/oneapi/dnnl/dnnl_types.h
_SUCCESS = 0
_BUSY_LOAD = 1.5  # processes a core; one program that uses every core well has one


def available_cores() -> int:
    """Cores this process may use. MindSpore refuses more workers than the machine has cores."""
    # Containers and taskset narrow the affinity, not os.cpu_count(); systems other than Linux have no
    # affinity.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_busy() -> bool:
    """Whether more processes have wanted to run, in the last minute, than this machine has cores for."""
    if not hasattr(os, "getloadavg"):  # Windows
        return False
    try:
        return os.getloadavg()[0] > _BUSY_LOAD * (os.cpu_count() or 1)
    except OSError:  # it is not known
        return False


def has_avx512(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this is an x86 CPU with AVX-512; False where the system does not say."""
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        return False
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags")), "")
    return "avx512f" in flags.split()


def cap_onednn_isa() -> bool:
    """Set `ONEDNN_MAX_CPU_ISA=AVX2` where it helps; importing any module of the course library does it.

    Leaves alone a value the user has set, CPUs without AVX-512, and a process that computes with PyTorch,
    which reads the same variable and has no slow path. Where MindSpore has computed already, it is too late:
    one line says so, and the variable is not set, so that child processes do not differ from their parent.

    Returns:
        True if this call set the variable.
    """
    if VARIABLE in os.environ or "torch" in sys.modules or not has_avx512():
        return False
    if not _cap_what_is_loaded():
        _say_that_it_is_too_late()
        return False
    os.environ[VARIABLE] = "AVX2"
    return True


def _cap_what_is_loaded() -> bool:
    """Tell MindSpore's oneDNN, if it is loaded, to stay at AVX2; False if it has made up its mind."""
    package = getattr(sys.modules.get("mindspore"), "__file__", None)
    if package is None:
        return True
    for path in Path(package).with_name("lib").glob("libdnnl.so*"):
        try:
            library = ctypes.CDLL(str(path), mode=os.RTLD_NOLOAD)
            return bool(library.dnnl_set_max_cpu_isa(_AVX2) == _SUCCESS)
        except (OSError, AttributeError):  # not loaded yet, or without the call: it will read the variable
            continue
    return True


@cache
def _say_that_it_is_too_late() -> None:
    print(
        "src_mindspore: MindSpore has computed before this import, and training will be many times slower on"
        f" this CPU; import src_mindspore earlier, or set {VARIABLE}=AVX2"
        " 导入 src_mindspore 之前 MindSpore 已经开始计算，在此 CPU 上训练会慢很多倍；"
        f"请提前导入，或设置 {VARIABLE}=AVX2",
        file=sys.stderr,
    )
