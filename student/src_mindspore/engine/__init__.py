"""MobileNetV2 features on CPU through ONNX Runtime, several times faster than MindSpore's own kernels.

`graph` turns a backbone's parameters into an ONNX graph, `session` runs it. Neither imports MindSpore.
"""
