import mmap
import os
import time

for _ in range(8):
    if os.fork() == 0:
        kept = []
        try:
            while True:
                for allowed in (mmap.PROT_READ, mmap.PROT_READ | mmap.PROT_WRITE):
                    kept.append(
                        mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=allowed)
                    )
        except (OSError, MemoryError):
            time.sleep(99)
time.sleep(99)
