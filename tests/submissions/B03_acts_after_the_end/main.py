import json
import os
import struct

channel = next(
    fd for fd in range(3, 64) if os.path.exists(f"/proc/self/fd/{fd}") and "socket" in os.readlink(f"/proc/self/fd/{fd}")
)


def say(body):
    os.write(channel, struct.pack("!I", len(body)) + body)


import atexit
import subprocess
import sys
import threading
import time


def forge():
    print("AFTER the end", flush=True)
    for number in range(100):
        say(json.dumps({"number": number, "label": "Hats"}).encode())


def wait():
    time.sleep(3)
    forge()


atexit.register(forge)
threading.Thread(target=wait).start()
subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(3); print('AFTER')", "B03_acts_after_the_end-child"],
    close_fds=False,
)
NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
