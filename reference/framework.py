"""MindSpore and the course network: the one module that imports them, after it has set what they read.

Two settings work only before MindSpore's import: oneDNN's instruction set, which makes convolutions several
times as fast, and MindSpore's log level, without which its Adam, its exporter and its networks warn of
themselves. So every module that needs MindSpore takes it from here, and only this one has imports that are
not at its top.
"""

from __future__ import annotations

import os

from src_mindspore.cpu import cap_onednn_isa

cap_onednn_isa()
os.environ.setdefault("GLOG_v", "3")

import mindspore as ms  # noqa: E402
from mindspore import Parameter, Tensor, communication, nn, ops  # noqa: E402
from src_mindspore.engine.live import SWITCH as ENGINE_SWITCH  # noqa: E402
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2  # noqa: E402

__all__ = [
    "ENGINE_SWITCH",
    "MobileNetV2Backbone",
    "MobileNetV2Head",
    "Parameter",
    "Tensor",
    "communication",
    "mobilenet_v2",
    "ms",
    "nn",
    "ops",
]
