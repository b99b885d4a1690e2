import time

try:
    with open("/tmp/x", "wb") as file:
        while True:
            file.write(bytes(1 << 16))
            time.sleep(0.0001)
except OSError:
    time.sleep(99)
