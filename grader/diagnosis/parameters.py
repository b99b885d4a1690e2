"""The middle seam: whether a network consists of what was handed in.

The live parameters are compared with those of the checkpoint files by their digests; their names may differ.
What differs is a reason to have the file loaded in their place, in the student's own program. It is no fault
before that gains anything: a program may well fold, average or retrain what it loads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from grader.model.records import CheckpointFile, Network, Parameter
from grader.printable import shown

Code = Literal["training-mode", "statistics-not-loaded", "other-checkpoint", "checkpoint-unused"]
_STATISTICS = ("moving_mean", "moving_variance", "running_mean", "running_var")
_MOST_REPAIRS = 3
_LEAST_FIT = 0.5
"""Share of the network's parameters that a file must have the shapes of."""
_NEARLY_ALL = 0.9
_DENSE_AXES = 2
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Repair:
    """What to make the network consist of."""

    code: Code
    """Of the finding, if it helps."""
    file: str = ""
    """The checkpoint to load; empty for evaluation mode alone."""
    details: Mapping[str, object] = field(default_factory=dict, compare=False)
    """What its sentence says."""

    @property
    def said(self) -> str:
        """The code of its sentence in `grader/wording/seams.toml`: a file may be left unused in part."""
        if self.code != "checkpoint-unused":
            return self.code
        count, total, dense = (int(str(self.details[name])) for name in ("count", "total", "dense"))
        if count == total:
            return "checkpoint-absent"
        # Of each dense layer the weight and, where there is one, the bias.
        return "checkpoint-head" if count <= 2 * dense else "checkpoint-partial"


def repairs(networks: Sequence[Network], files: Sequence[CheckpointFile], is_training: bool) -> list[Repair]:
    """Return what may be put right in the network; those that load a file hold evaluation mode, too."""
    found = [Repair("training-mode")] if is_training else []
    live = [parameter for network in networks for parameter in network.parameters]
    # Of an ensemble, each has a file of its own: neither file was left unused.
    are_whole = len(networks) > 1 and all(own_files([network], files) for network in networks)
    distinct = {frozenset(each.sha1 for each in file.parameters): file for file in reversed(files)}
    for file in sorted(distinct.values(), key=lambda each: each.name):
        repair = _loading(live, file, files, is_training)
        if repair is not None and not (are_whole and repair.code == "checkpoint-unused"):
            found.append(repair)
    return found[:_MOST_REPAIRS]


def broken_file(networks: Sequence[Network], files: Sequence[CheckpointFile]) -> str | None:
    """Return the file whose parameters, NaN or infinite, a network consists of; None if there is none."""
    broken = {each.sha1 for network in networks for each in network.parameters if each.not_finite}
    holders = (file for file in files if any(each.sha1 in broken for each in file.parameters))
    return next((file.name for file in holders), None)


def own_files(networks: Sequence[Network], files: Sequence[CheckpointFile]) -> list[str]:
    """Return the files that hold all weights of the networks; statistics change in training mode."""
    live = [each for network in networks for each in network.parameters]
    weights = [each for each in live if _tells(each) and not _is_statistic(each)]
    return [file.name for file in files if weights and _share(weights, file) == 1]


def _loading(
    live: Sequence[Parameter], file: CheckpointFile, files: Sequence[CheckpointFile], is_training: bool
) -> Repair | None:
    """Return the reason to load a file; None if the network consists of it, or it does not fit."""
    if not live or not _fits(live, file):
        return None
    digests = {parameter.sha1 for parameter in file.parameters}
    # In training mode each image changes the statistics.
    told = [each for each in live if _tells(each) and not (is_training and _is_statistic(each))]
    foreign = [each for each in live if each.sha1 not in digests]
    source = _source(told, file, files)
    if source is not None:
        details = {"file": _name(source.name), "best_file": _name(file.name)}
        return Repair("other-checkpoint", file.name, details)
    weights = [each for each in foreign if not _is_statistic(each) and _tells(each)]
    statistics = [each for each in foreign if _is_statistic(each)]
    if not weights and (is_training or not statistics):
        return None
    # A new network's gamma and beta are one number each: alone no sign, and yet to be loaded.
    plain = [each for each in foreign if not _is_statistic(each) and not _tells(each) and _is_in(each, file)]
    if not weights and not plain:
        return _without_statistics(live, file, statistics)
    numbers: dict[str, object] = {
        "file": _name(file.name),
        "count": len(weights) + len(plain),
        "total": sum(not _is_statistic(each) for each in live),
        "dense": sum(len(each.shape) == _DENSE_AXES for each in weights),
    }
    return Repair("checkpoint-unused", file.name, numbers)


def _source(
    told: Sequence[Parameter], file: CheckpointFile, files: Sequence[CheckpointFile]
) -> CheckpointFile | None:
    """Return another file that a network consists of, and not of this one; None if there is none."""
    others = [other for other in files if other is not file]
    nearest = max(others, key=lambda other: _share(told, other), default=file)
    share = _share(told, nearest)
    return nearest if share >= _NEARLY_ALL and share > _share(told, file) else None


def _without_statistics(
    live: Sequence[Parameter], file: CheckpointFile, foreign: Sequence[Parameter]
) -> Repair:
    total = sum(map(_is_statistic, live))
    details = {"file": _name(file.name), "count": len(foreign), "total": total}
    return Repair("statistics-not-loaded", file.name, details)


def _tells(parameter: Parameter) -> bool:
    """Whether it tells where it comes from: one number everywhere is that of any new network."""
    return parameter.std > 0 or parameter.not_finite > 0


def _is_statistic(parameter: Parameter) -> bool:
    return parameter.name.endswith(_STATISTICS)


def _is_in(parameter: Parameter, file: CheckpointFile) -> bool:
    """Whether a file has a parameter of this shape, by whatever name, that was trained."""
    return any(each.shape == parameter.shape and _tells(each) for each in file.parameters)


def _share(parameters: Sequence[Parameter], file: CheckpointFile) -> float:
    """Return how many of some parameters are a file's."""
    digests = {parameter.sha1 for parameter in file.parameters}
    return sum(each.sha1 in digests for each in parameters) / max(1, len(parameters))


def _fits(live: Sequence[Parameter], file: CheckpointFile) -> bool:
    """Whether a file has the shapes of most of a network's parameters."""
    shapes = Counter(each.shape for each in live)
    return (shapes & Counter(each.shape for each in file.parameters)).total() >= _LEAST_FIT * len(live)


def _name(text: str) -> str:
    return shown(text, _LONGEST_NAME)
