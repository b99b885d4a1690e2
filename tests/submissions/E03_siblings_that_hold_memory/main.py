import ctypes
import os
import platform
import signal
import time

CLONE_PARENT = 0x8000
CLONE = {"x86_64": 56, "aarch64": 220}[platform.machine()]


def sibling():
    made = ctypes.CDLL(None).syscall(CLONE, CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0)
    return os.fork() if made < 0 else made


if sibling() == 0:
    kept = bytearray(b"x") * (500 << 20)
time.sleep(99)
