"""Attacks that succeed where there are no walls: so it is the walls that stop them, not a mistake in the attack."""

from __future__ import annotations

import os

import pytest

from .corpus import Case, corpus
from .ground import TOTAL, Ground
from .run import run_without_walls

_WORKS = {"always", "as root"} if os.geteuid() == 0 else {"always"}
_ATTACKS = [case for case in corpus() if case.works_without_walls in _WORKS]


@pytest.mark.parametrize("attack", _ATTACKS, ids=[case.id for case in _ATTACKS])
def test_an_attack_that_the_sandbox_stops_succeeds_without_it(attack: Case, ground: Ground) -> None:
    assert run_without_walls(attack, ground) == TOTAL
