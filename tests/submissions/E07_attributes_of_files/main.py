import os
import time
from itertools import count

open("/tmp/file", "wb").close()
try:
    for number in count():
        try:
            os.setxattr("/tmp/file", f"user.{number}", bytes(32 << 10))
        except NotImplementedError:
            open(f"/tmp/{number}", "wb").close()
except OSError:
    try:
        for number in count():
            open(f"/tmp/{number}", "wb").close()
    except OSError:
        time.sleep(99)
