"""Pretrained weights: how files of any kind are read without running code, and under which names.

The face of the package; everything else in it is private.
"""

from reference.weights.files import (
    Weights,
    checkpoint_bytes,
    read_backbone,
    read_checkpoint,
    read_network,
    read_weights,
    safetensors_bytes,
    write_checkpoint,
    write_whole,
)
from reference.weights.naming import backbone_shapes, to_course_names, to_torchvision_names

__all__ = [
    "Weights",
    "backbone_shapes",
    "checkpoint_bytes",
    "read_backbone",
    "read_checkpoint",
    "read_network",
    "read_weights",
    "safetensors_bytes",
    "to_course_names",
    "to_torchvision_names",
    "write_checkpoint",
    "write_whole",
]
