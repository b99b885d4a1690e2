import mmap
import time

PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
NO_RESERVE = 0x4000  # promise now, find the memory when it is used


def promised():
    """Yield memory that is there on paper, as much at once as there can be."""
    try:
        yield mmap.mmap(-1, 100 << 30, flags=PRIVATE | NO_RESERVE)
    except OSError as error:
        print("100 GB at once:", error)
        while True:
            yield mmap.mmap(-1, 32 << 20, flags=PRIVATE)


kept = []
for memory in promised():
    kept.append(memory)
    for page in range(0, len(memory), 4096):
        memory[page] = 1
        if page % (32 << 20) == 0:
            time.sleep(0.01)
