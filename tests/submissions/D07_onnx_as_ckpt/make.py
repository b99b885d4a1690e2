"""Save a model of one node."""

import sys
from pathlib import Path

import onnx
from onnx import TensorProto, helper

node = helper.make_node("Identity", ["x"], ["y"])
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
onnx.save(
    helper.make_model(helper.make_graph([node], "net", ends[:1], ends[1:])), Path(sys.argv[1]) / "net.ckpt"
)
