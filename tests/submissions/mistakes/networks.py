"""A trained network as the file that a student hands in: for MindSpore, ONNX Runtime, OpenCV, PyTorch or numpy.

The files of ONNX have no metadata, as most exporters leave none.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from src_mindspore.engine.graph import INPUT_NAME, OUTPUT_NAME, Head, HeadStep, build_graph

from reference.weights import to_torchvision_names, write_checkpoint

Arrays = dict[str, npt.NDArray[np.float32]]
Writer = Callable[[Arrays, Path], None]

DENSE = ("head.1.weight", "head.1.bias")
_HEAD = (
    HeadStep("GlobalAveragePool"),
    HeadStep("Flatten", (), (("axis", 1),)),
    HeadStep("Gemm", DENSE, (("transB", 1),)),
)
_MEAN = 255 * np.array([0.485, 0.456, 0.406], np.float32).reshape(1, 3, 1, 1)
_STD = 255 * np.array([0.229, 0.224, 0.225], np.float32).reshape(1, 3, 1, 1)


def write_network(arrays: Arrays, path: Path) -> None:
    """Write the network in the format that the file's name promises."""
    writers: dict[str, Writer] = {
        ".ckpt": write_checkpoint,
        ".npz": _write_npz,
        ".onnx": _write_onnx,
        ".pth": _write_torch,
    }
    writers[path.suffix](arrays, path)


def write_channels_last(arrays: Arrays, path: Path) -> None:
    """Write an ONNX graph whose input is float32 (N, 224, 224, 3), as converters from TensorFlow leave it."""
    nodes = [helper.make_node("Transpose", ["pixels"], [INPUT_NAME], perm=[0, 3, 1, 2])]
    _save(_with_front(_model(arrays), nodes, (), TensorProto.FLOAT), path)


def write_bytes_in(arrays: Arrays, path: Path) -> None:
    """Write an ONNX graph whose input is uint8 (N, 224, 224, 3): it normalises by itself."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Sub", ["planes", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "std"], [INPUT_NAME]),
    ]
    constants = (numpy_helper.from_array(_MEAN, "mean"), numpy_helper.from_array(_STD, "std"))
    _save(_with_front(_model(arrays), nodes, constants, TensorProto.UINT8), path)


def write_student_head(arrays: Arrays, path: Path) -> None:
    """Write the network with its dense layer named as students' own heads do."""
    write_network({name.replace("head.1", "dense"): array for name, array in arrays.items()}, path)


def _write_npz(arrays: Arrays, path: Path) -> None:
    np.savez(path, **arrays)


def _write_onnx(arrays: Arrays, path: Path) -> None:
    _save(_model(arrays), path)


def _write_torch(arrays: Arrays, path: Path) -> None:
    import torch  # not everywhere

    backbone = {name: array for name, array in arrays.items() if name.startswith("features.")}
    state = {
        **to_torchvision_names(backbone),
        "classifier.1.weight": arrays[DENSE[0]],
        "classifier.1.bias": arrays[DENSE[1]],
    }
    torch.save({name: torch.from_numpy(np.array(array)) for name, array in state.items()}, path)


def _model(arrays: Arrays) -> onnx.ModelProto:
    head = Head(_HEAD, {name: arrays[name] for name in DENSE})
    model = build_graph(arrays, head=head)
    del model.graph.output[:]
    shape = ["N", len(arrays[DENSE[1]])]
    model.graph.output.append(helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, shape))
    return model


def _with_front(
    model: onnx.ModelProto, nodes: list[onnx.NodeProto], constants: tuple[onnx.TensorProto, ...], kind: int
) -> onnx.ModelProto:
    """Put nodes, which take `pixels`, before everything else."""
    rest = list(model.graph.node)
    del model.graph.node[:], model.graph.input[:]
    model.graph.node.extend([*nodes, *rest])
    model.graph.input.append(helper.make_tensor_value_info("pixels", kind, ["N", 224, 224, 3]))
    model.graph.initializer.extend(constants)
    return model


def _save(model: onnx.ModelProto, path: Path) -> None:
    path.write_bytes(model.SerializeToString())
