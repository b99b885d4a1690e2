"""A network of three numbers: the means of the channels."""

import sys
from pathlib import Path

import onnx
from onnx import TensorProto, helper

nodes = [
    helper.make_node("GlobalAveragePool", ["x"], ["pooled"]),
    helper.make_node("Flatten", ["pooled"], ["y"]),
]
given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3, None, None])
returned = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 3])
model = helper.make_model(
    helper.make_graph(nodes, "means", [given], [returned]), opset_imports=[helper.make_opsetid("", 13)]
)
model.ir_version = 8
onnx.save(model, Path(sys.argv[1]) / "net.onnx")
