"""A class of 25, hostile ones among them, graded in one batch, killed and resumed; 200: `python -m tests.whole_class`."""

from __future__ import annotations

from pathlib import Path

from tests.submissions.ground import laid_out

from .members import gather
from .run import ClassRoom


def test_a_class_gets_its_verdicts_and_the_same_ones_after_kills(tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    with laid_out() as ground:
        room = ClassRoom(tmp_path, gather(tmp_path / "class", 25, ground), ground)
        assert len(room.members) == 25
        whole = room.grade("whole")
        assert [*room.problems(whole)] == []
        killed = room.grade_killed("killed", 3, whole.seconds, seed=1)
        assert [*room.problems(killed)] == []
        assert room.differences(whole, killed) == []
