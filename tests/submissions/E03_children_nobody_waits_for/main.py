import os
import signal
import time

signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries them, and forgets what they used
while True:
    if os.fork() == 0:
        while time.process_time() < 0.5:
            pass
        os._exit(0)
    try:
        os.wait()
    except ChildProcessError:
        pass
