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


for _ in range(42):
    if sibling() == 0:
        time.sleep(99)
time.sleep(99)
