"""The attacking canary: looks for a hole in each wall of the sandbox, then forges answers.

It answers rightly only if it found a hole, so that its score is the number of images it gained. It has
three images to answer and forges at the second, which ends its grading.
"""

import os
import socket
import struct
from pathlib import Path
from typing import Any

HOLES: list[str] = []
asked = 0


def look(name: str, is_open: Any) -> None:
    """Note and print a hole; an OSError is a wall that holds, any other error ends the import."""
    try:
        if is_open():
            HOLES.append(name)
            print(f"hole: {name}", flush=True)
    except OSError:
        pass


def can_write(folder: str) -> bool:
    """Whether a file can be made there."""
    path = Path(folder, "canary")
    path.write_text("x", encoding="ascii")
    path.unlink()
    return True


def status(key: str) -> str:
    """One line of what the kernel says of this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{key}:"))


def has_network() -> bool:
    """Whether there is a network device beside the loopback."""
    return {name for _, name in socket.if_nameindex()} - {"lo"} != set()


# bubblewrap's own process and this one are all there is.
look("other processes can be seen", lambda: sum(name.isdigit() for name in os.listdir("/proc")) > 3)
look("there is a network", has_network)
look("it runs as root", lambda: 0 in (os.getuid(), os.geteuid(), os.getgid()))
look("it has capabilities", lambda: int(status("CapEff"), 16) != 0 or int(status("CapPrm"), 16) != 0)
look("it may gain privileges", lambda: status("NoNewPrivs") != "1")
look("system calls are not filtered", lambda: status("Seccomp") != "2")
# Input, output twice, the channel, and what this list is read from.
look("files of the harness are open", lambda: len(os.listdir("/proc/self/fd")) > 5)
look("the environment was inherited", lambda: any(name.startswith("GRADER") for name in os.environ))
OF_THE_HARNESS = {"worker.py", "holder.py"}
look(
    "the harness's files can be seen",
    lambda: Path("/harness").exists() and {*os.listdir("/harness")} - OF_THE_HARNESS,
)
for place in ("/", "/usr", "/submission", "/harness", "/course", "/etc", "/dev"):
    look(f"{place} can be written", lambda place=place: can_write(place))


def predict(image: Any) -> str:
    """Return the right class if there is a hole, else a wrong one; at the second image forge."""
    global asked
    asked += 1
    truth = int(image.sum()) % 3
    if asked == 2:
        forge()
    return ("First", "Second", "Third")[truth if HOLES else (truth + 1) % 3]


def forge() -> None:
    """Send answers to questions that were not asked, on every channel there is."""
    body = b'{"number": 1, "label": "First"}'
    # The channel has whatever number it had in the grader's process, which may have many files open.
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            if int(descriptor) > 2:
                os.write(int(descriptor), struct.pack("!I", len(body)) + body)
        except OSError:
            continue
