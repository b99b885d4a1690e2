"""What the CPU needs and offers: off the slow convolution path with AVX-512, and how many cores.

MindSpore 2.10 computes convolutions with oneDNN 3.10. On a CPU with AVX-512 that release sends 3x3 and
depthwise convolutions to its plain reference kernel (`ONEDNN_VERBOSE=1` shows `conv+ref:any`). Told to stay
at AVX2 it uses compiled kernels (`x64:gemm:jit`): MobileNetV2 then runs 6 to 10 times faster forward and 6
to 23 times faster in training. oneDNN reads the variable once, when MindSpore is imported, so it has to be
set before.
"""

import os
import platform
import sys
from pathlib import Path

VARIABLE = "ONEDNN_MAX_CPU_ISA"
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
    """Set `ONEDNN_MAX_CPU_ISA=AVX2` where it helps; call it before `import mindspore`.

    Leaves alone a value the user has set, CPUs without AVX-512, and a process that has already imported
    MindSpore (too late to matter, and child processes should not differ from their parent).

    Returns:
        True if this call set the variable.
    """
    if "mindspore" in sys.modules or VARIABLE in os.environ or not has_avx512():
        return False
    os.environ[VARIABLE] = "AVX2"
    return True
