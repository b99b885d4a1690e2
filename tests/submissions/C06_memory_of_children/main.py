import os
import time

import numpy as np

for _ in range(8):
    if os.fork() == 0:
        kept = np.ones(80 << 20, np.uint8)
        time.sleep(99)
time.sleep(99)
