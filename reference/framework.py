"""MindSpore and the course network: the one module that imports them, after it has set what they read.

MindSpore's log level works only before MindSpore's import, and without it MindSpore's Adam, its exporter and
its networks warn of themselves. So every module that needs MindSpore takes it from here, and only this one
has imports that are not at its top.
"""

from __future__ import annotations

import os

os.environ.setdefault("GLOG_v", "3")

import mindspore as ms
from mindspore import Parameter, Tensor, communication, nn, ops
from src_mindspore.engine import accelerate
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2

__all__ = [
    "MobileNetV2Backbone",
    "MobileNetV2Head",
    "Parameter",
    "Tensor",
    "accelerate",
    "communication",
    "mobilenet_v2",
    "ms",
    "nn",
    "ops",
]
