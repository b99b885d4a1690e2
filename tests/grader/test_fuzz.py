"""A little of the fuzzing with every run of the suite; `python -m tests.fuzz` does it at length."""

import time

import pytest

from tests import fuzz


@pytest.mark.parametrize(
    ("target", "count"),
    [
        ("frames", 5000),
        ("archives", 300),
        ("checkpoints", 3000),
        ("tensors", 3000),
        ("sealed", 1000),
        ("containers", 3000),
    ],
)
def test_mutated_input_is_refused_or_soundly_accepted(target, count):
    outcomes, found = fuzz.fuzz(target, count, seed=1)
    assert found is None
    assert outcomes.total() == count
    assert outcomes["refused"] > count / 4


def test_the_same_seed_gives_the_same_cases():
    assert fuzz.fuzz("containers", 200, seed=3) == fuzz.fuzz("containers", 200, seed=3)


def test_a_reader_that_takes_a_changed_file_is_found_out(monkeypatch, capsys):
    monkeypatch.setattr(fuzz, "unseal", lambda key, data: fuzz.pack(fuzz._IMAGES, fuzz._CLASSES))
    _, found = fuzz.fuzz("sealed", 100, seed=1)
    assert found is not None
    assert "a changed file was accepted" in capsys.readouterr().err


def test_a_reader_that_falls_over_is_found_out(monkeypatch, capsys):
    unpack = fuzz.unpack
    monkeypatch.setattr(fuzz, "unpack", lambda data: 1 / 0 if data[0] else unpack(data))
    _, found = fuzz.fuzz("containers", 1000, seed=1)
    assert found is not None
    assert found[0] != 0
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_reader_that_hangs_is_found_out(monkeypatch, capsys):
    unpack = fuzz.unpack
    monkeypatch.setattr(fuzz, "SECONDS_A_CASE", 1)
    monkeypatch.setattr(fuzz, "unpack", lambda data: time.sleep(5) if data[0] else unpack(data))
    _, found = fuzz.fuzz("containers", 1000, seed=1)
    assert found is not None
    assert "over one case" in capsys.readouterr().err
