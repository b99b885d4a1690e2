"""MobileNetV2 inference on the CPU through ONNX Runtime, several times faster than MindSpore's own kernels.

`graph` turns a backbone's parameters into an ONNX graph, `session` runs it. Neither imports MindSpore, nor
does this package until a network is given to `accelerate`.
"""

from src_mindspore.engine.door import accelerate, accelerate_every_network

__all__ = ["accelerate", "accelerate_every_network"]
