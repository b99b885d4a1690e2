"""Groups of what is alike: whoever is linked to one of a group, by however many steps, belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class HasEnds(Protocol):
    """Anything that connects two students."""

    @property
    def ids(self) -> tuple[str, str]:
        """Whom it connects."""
        ...


Link = TypeVar("Link", bound=HasEnds)


@dataclass(frozen=True)
class Cluster(Generic[Link]):
    """One group."""

    ids: tuple[str, ...]
    """Sorted."""
    links: tuple[Link, ...]
    """One less than there are members: the closest links that hold the group together, closest first."""


def clusters(links: Iterable[Link], distance: Callable[[Link], float]) -> tuple[Cluster[Link], ...]:
    """Return the groups that links make (single linkage), the largest first.

    This is Kruskal's algorithm: the links of a group are its minimum spanning tree.
    """
    group: dict[str, set[str]] = {}
    kept: list[Link] = []
    for link in sorted(links, key=lambda link: (distance(link), link.ids)):
        one, other = (group.setdefault(id_, {id_}) for id_ in link.ids)
        if one is not other:
            one |= other
            group.update(dict.fromkeys(other, one))
            kept.append(link)
    groups = {id(members): members for members in group.values()}.values()
    found = [
        Cluster(tuple(sorted(members)), tuple(link for link in kept if link.ids[0] in members))
        for members in groups
    ]
    return tuple(sorted(found, key=lambda cluster: (-len(cluster.ids), cluster.ids)))
