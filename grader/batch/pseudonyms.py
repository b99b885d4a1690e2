"""Names under which a leaderboard can be hung up: drawn by lot once, and kept by the instructor."""

from __future__ import annotations

import csv
import secrets
from collections.abc import Iterable
from pathlib import Path

from grader.batch.gradebook import as_it_was, render_csv
from grader.batch.store import Store

FILE = Path("pseudonyms.csv")
_LETTERS = "ACDEFGHJKLMNPQRTUVWXY34679"
"""None that is taken for another."""
_LENGTH = 4


def pseudonyms(store: Store, ids: Iterable[str]) -> dict[str, str]:
    """Return the pseudonym of every id; new ones are drawn, and kept, for those that have none yet."""
    known = _read(store.folder / FILE)
    taken = set(known.values())
    for id_ in ids:
        while id_ not in known:
            drawn = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
            if drawn not in taken:
                known[id_] = drawn
                taken.add(drawn)
    store.write_page(FILE.name, render_csv(("id", "pseudonym"), sorted(known.items())))
    return known


def _read(path: Path) -> dict[str, str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return {as_it_was(row["id"]): row["pseudonym"] for row in csv.DictReader(file)}
    except FileNotFoundError:
        return {}
