import json
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.machine import this_machine
from benchmarks.results import Circumstances
from benchmarks.table import Table
from reference.errors import InputError

TABLE = Table("head", "A title", (), (), failed=False)


@pytest.fixture
def circumstances() -> Circumstances:
    return Circumstances("2026-01-01T00:00+00:00", "python -m benchmarks", this_machine())


def test_results_are_written_twice_and_may_be_replaced(tmp_path: Path, circumstances: Circumstances) -> None:
    out = tmp_path / "RESULTS.md"
    for title in ("first", "second"):
        results.check(out)
        results.write(out, circumstances, [Table("head", title, (), (), failed=False)])
    assert "## second" in out.read_text(encoding="utf-8")
    content = json.loads((tmp_path / "RESULTS.json").read_text(encoding="utf-8"))
    assert content["tables"][0]["title"] == "second"
    assert content["machine"]["cores"] >= 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["RESULTS.json", "RESULTS.md"]


@pytest.mark.parametrize("name", ["RESULTS.md", "RESULTS.json"])
def test_a_file_of_somebody_elses_is_never_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("# My notes\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"{name}: was not written by this command"):
        results.check(tmp_path / "RESULTS.md")
    assert (tmp_path / name).read_text(encoding="utf-8") == "# My notes\n"


def test_a_place_that_cannot_be_written_to_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        results.check(tmp_path / "nowhere" / "RESULTS.md")
    with pytest.raises(InputError, match=r"must end in \.md"):
        results.check(tmp_path / "RESULTS.txt")
