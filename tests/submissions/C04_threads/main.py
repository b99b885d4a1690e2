import threading
import time

started = 0
while started < 10_000:
    try:
        threading.Thread(target=time.sleep, args=(99,)).start()
        started += 1
    except RuntimeError:
        time.sleep(0.001)
