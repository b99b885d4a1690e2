import time

try:
    for number in range(10**6):
        open(f"/tmp/{number}", "w").close()
except OSError:
    time.sleep(99)
