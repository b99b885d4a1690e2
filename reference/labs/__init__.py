"""The two labs as their texts give them: their numbers, losses and ways to train, their files and lines.

The face of the package; everything else in it is private. What needs MindSpore is imported when it is asked
for, so that a command can find fault with its input first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.labs.files import (
    CONFIG,
    HEAD,
    WHOLE,
    CheckpointFolder,
    StageFiles,
    best_line,
    check_resumable,
    result_lines,
    total_line,
)
from reference.labs.recipes import (
    BACKBONE_SHARE,
    LR_MAX,
    PLATFORMS,
    EvalDefaults,
    FlowerConfig,
    StageRecipe,
    TrainDefaults,
    flower_config,
)
from reference.lazy import imported_when_asked

if TYPE_CHECKING:
    from reference.labs.network import (
        Processes,
        accuracy,
        define_net,
        fill,
        join_processes,
        launched_processes,
        use_platform,
    )
    from reference.labs.training import (
        FlowerTraining,
        begins_with_head,
        train_flower_head,
        train_flower_network,
        train_garbage_head,
        train_garbage_network,
    )

__all__ = [
    "BACKBONE_SHARE",
    "CONFIG",
    "HEAD",
    "LR_MAX",
    "PLATFORMS",
    "WHOLE",
    "CheckpointFolder",
    "EvalDefaults",
    "FlowerConfig",
    "FlowerTraining",
    "Processes",
    "StageFiles",
    "StageRecipe",
    "TrainDefaults",
    "accuracy",
    "begins_with_head",
    "best_line",
    "check_resumable",
    "define_net",
    "fill",
    "flower_config",
    "join_processes",
    "launched_processes",
    "result_lines",
    "total_line",
    "train_flower_head",
    "train_flower_network",
    "train_garbage_head",
    "train_garbage_network",
    "use_platform",
]
__getattr__ = imported_when_asked(
    __name__,
    {
        **dict.fromkeys(("Processes", "accuracy", "define_net", "fill"), "network"),
        **dict.fromkeys(("join_processes", "launched_processes", "use_platform"), "network"),
        **dict.fromkeys(("FlowerTraining", "begins_with_head"), "training"),
        **dict.fromkeys(("train_flower_head", "train_flower_network"), "training"),
        **dict.fromkeys(("train_garbage_head", "train_garbage_network"), "training"),
    },
)
