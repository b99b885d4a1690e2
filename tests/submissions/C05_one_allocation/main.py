import mmap
import time

NO_RESERVE = 0x4000  # promise now, find the memory when it is used

memory = mmap.mmap(-1, 100 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NO_RESERVE)
for page in range(0, 100 << 30, 4096):
    memory[page] = 1
    if page % (64 << 20) == 0:
        time.sleep(0.01)
