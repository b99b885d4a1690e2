"""The backbone in two forms: what is no checkpoint of the network is refused, whatever its bytes are."""

import random

import numpy as np
import pytest

from datasets.backbone import is_safetensors, parameters_of, safetensors_of
from reference.weights import checkpoint_bytes
from tests.reference.drawn_shapes import untrained_backbone


@pytest.fixture(scope="module")
def arrays():
    return untrained_backbone()


@pytest.fixture(scope="module")
def content(arrays):
    return checkpoint_bytes(arrays)


def test_what_is_made_is_known_again_and_nothing_else_is(content):
    made = safetensors_of(parameters_of(content))
    assert is_safetensors(made)
    assert not any(map(is_safetensors, (b"", b"mine", content, made[:100])))
    assert int.from_bytes(made[:8], "little") % 8 == 0


@pytest.mark.parametrize(
    "no_checkpoint",
    [b"", b"<html>", b"\n" * 100, b"\xff" * 30, b"\n\0", b"\b\1" * 50, b"\n\2\b\1", b"\n\6\n\1x\x12\1\b"],
)
def test_bytes_that_are_no_checkpoint_are_refused(no_checkpoint):
    with pytest.raises(ValueError):
        parameters_of(no_checkpoint)


def test_a_checkpoint_that_lacks_something_is_refused(arrays, content):
    for end in (100, len(content) // 2, len(content) - 1):
        with pytest.raises(ValueError):
            parameters_of(content[:end])
    others = [
        {name: array for name, array in arrays.items() if name != "features.18.features.1.gamma"},
        {**arrays, "features.19.weight": np.zeros(1, np.float32)},
        {name.removeprefix("features."): array for name, array in arrays.items()},
    ]
    for other in others:
        with pytest.raises(ValueError, match="another network"):
            parameters_of(checkpoint_bytes(other))


def test_damage_is_refused_whatever_it_makes_of_names_and_sizes(content):
    """Only the first parameters are kept, whose names, types and sizes are then damaged."""
    chance = random.Random(0)
    for _ in range(300):
        damaged = bytearray(content[:3000])
        for _ in range(3):
            damaged[chance.randrange(200)] = chance.randrange(256)
        with pytest.raises(ValueError):
            parameters_of(bytes(damaged))
