"""Which of a file's parameters belongs in the place of which of a network's, whatever either calls them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

Shape = tuple[int, ...]
Named = tuple[str, Shape]
"""A parameter: its dotted name, and its shape."""

_MOST_PARTS = 16
_ALIASES = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
    "embedding_table": "weight",
}
"""MindSpore's names, in PyTorch's."""


def places(own: Sequence[Named], held: Mapping[str, Shape]) -> dict[int, str]:
    """Find the places of a file's parameters in a network.

    Names that are the same come first, then those that end alike (one of them has a prefix), then the order.
    Nothing but a parameter of the same shape is put anywhere.

    Args:
        own: the network's parameters, in its order.
        held: the file's, in its order.

    Returns:
        The file's name for each of the network's parameters that has one, by number.
    """
    found = {number: name for number, (name, shape) in enumerate(own) if held.get(name) == shape}
    theirs = [(name, held[name]) for name in held if not _is_state_of_optimizer(name, held)]
    for search in (_by_ending, _by_order):
        used = set(found.values())
        numbers = [number for number in range(len(own)) if number not in found]
        left = [each for each in theirs if each[0] not in used]
        pairs = search([own[number] for number in numbers], left)
        found |= {numbers[one]: left[other][0] for one, other in pairs.items()}
    return found


def _is_state_of_optimizer(name: str, held: Mapping[str, Shape]) -> bool:
    """`moments.head.weight` beside `head.weight`: an optimizer's state, saved with the parameters."""
    _, dot, rest = name.partition(".")
    return bool(dot) and rest in held


def _parts(name: str) -> tuple[str, ...]:
    *parents, last = name.split(".")[-_MOST_PARTS:]
    return (*parents, _ALIASES.get(last, last))


def _by_ending(own: Sequence[Named], theirs: Sequence[Named]) -> dict[int, int]:
    """Pair those whose names end alike as nobody else's do; the longest endings first."""
    mine = {number: (_parts(name), shape) for number, (name, shape) in enumerate(own)}
    others = {number: (_parts(name), shape) for number, (name, shape) in enumerate(theirs)}
    pairs: dict[int, int] = {}
    for length in range(_MOST_PARTS, 0, -1):
        known = _unique(others, length)
        for ending, number in _unique(mine, length).items():
            if ending in known:
                pairs[number] = known[ending]
                del mine[number], others[known[ending]]
    return pairs


def _unique(parameters: Mapping[int, tuple[tuple[str, ...], Shape]], length: int) -> dict[Hashable, int]:
    """Return the parameters by their ending of that length, if no other has the same ending and shape."""
    found: dict[Hashable, int] = {}
    twice: set[Hashable] = set()
    for number, (parts, shape) in parameters.items():
        ending = (parts[-length:], shape)
        if len(parts) >= length:
            twice |= {ending} if ending in found else set()
            found[ending] = number
    return {ending: number for ending, number in found.items() if ending not in twice}


def _by_order(own: Sequence[Named], theirs: Sequence[Named]) -> dict[int, int]:
    """Pair in order: each kind by itself, as frameworks order a layer's parameters differently; then all."""
    pairs: dict[int, int] = {}
    kinds = sorted({_kind(name) for name, _ in own})
    tests: Iterable[Callable[[str], bool]] = [*(_is_of(kind) for kind in kinds), lambda _: True]
    for test in tests:
        used = set(pairs.values())
        mine = [number for number, (name, _) in enumerate(own) if number not in pairs and test(name)]
        others = [number for number, (name, _) in enumerate(theirs) if number not in used and test(name)]
        if [own[number][1] for number in mine] == [theirs[number][1] for number in others]:
            pairs |= dict(zip(mine, others, strict=True))
    return pairs


def _kind(name: str) -> str:
    return _parts(name)[-1]


def _is_of(kind: str) -> Callable[[str], bool]:
    return lambda name: _kind(name) == kind
