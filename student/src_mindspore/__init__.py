"""The course library: network, data set and fast inference for the MobileNetV2 labs."""

import os

from src_mindspore.cpu import cap_onednn_isa

# MindSpore's kernels, training included, are 6 to 23 times slower without it on many CPUs.
cap_onednn_isa()
# Otherwise ONNX Runtime keeps a number of this machine in the home folder, and reports to its makers.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
