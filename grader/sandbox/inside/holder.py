"""The first process of a sandbox that a worker is to enter: says that it stands, and keeps it open.

No signal from inside reaches it, and nobody inside can change it: it cannot be traced, and /proc is
read-only. It buries those whose parents have ended, as the first process must, so that their processor time
is counted.
"""

import contextlib
import json
import os
import resource
import signal
import sys


def main() -> None:
    """Hold until the sandbox is ended from outside."""
    every = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
    signal.pthread_sigmask(signal.SIG_BLOCK, every)
    for name, amount in json.loads(sys.argv[1]).items():
        number = getattr(resource, name)
        ceiling = resource.getrlimit(number)[1]
        amount = amount if ceiling == resource.RLIM_INFINITY else min(amount, ceiling)
        resource.setrlimit(number, (amount, amount))
    os.write(1, b"\n")
    while True:
        signal.sigwait(every)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


if __name__ == "__main__":
    main()
