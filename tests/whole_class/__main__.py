"""Grade a whole generated class, and once more while it is killed: `python -m tests.whole_class`.

Exit code: 0 every submission has the verdict and score that it must have, and a class that was killed again
and again has the same results; 1 not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.submissions.ground import laid_out
from tests.whole_class.members import gather
from tests.whole_class.run import ClassRoom, counted


def main() -> int:
    """Do it, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.whole_class", description=__doc__)
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the moments at which it is killed")
    parser.add_argument("--keep", type=Path, help="an empty folder to leave everything in")
    options = parser.parse_args()
    with laid_out() as ground, tempfile.TemporaryDirectory(prefix="whole-class-") as name:
        folder: Path = options.keep or Path(name)
        (folder / "class").mkdir(parents=True)
        room = ClassRoom(folder, gather(folder / "class", options.students, ground), ground)
        whole = room.grade("whole")
        print(f"{len(room.members)} submissions in {whole.seconds:.0f} s: {counted(whole)}", flush=True)
        problems = [*room.problems(whole)]
        killed = room.grade_killed("killed", options.kills, whole.seconds, options.seed)
        print(f"killed {killed.kills} times: {killed.seconds:.0f} s", flush=True)
        problems += [f"after kills, {problem}" for problem in room.problems(killed)]
        problems += [f"differs after kills: {name}" for name in room.differences(whole, killed)]
    print(*problems or ["all as it must be"], sep="\n")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
