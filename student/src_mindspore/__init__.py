"""The course library: network, data set and fast inference for the MobileNetV2 labs."""

from src_mindspore.cpu import cap_onednn_isa

# MindSpore's kernels, training included, are 6 to 23 times slower without it on many CPUs.
cap_onednn_isa()
