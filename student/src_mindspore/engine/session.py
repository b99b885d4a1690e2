"""Run the backbone's graph on the CPU: images in, features out."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime

from src_mindspore.cpu import available_cores, is_busy
from src_mindspore.engine.graph import (
    INPUT_NAME,
    OUTPUT_NAME,
    FloatArray,
    Head,
    backbone_parameters,
    block_strides,
    build_graph,
)

# Images given to ONNX Runtime at a time. It hardly matters: on two cores batches of 1, 2, 4, 8, 16 and 32
# gave 264, 269, 275, 259, 259 and 253 images/s (medians; stock MindSpore 64).
BATCH_SIZE = 4


class FeatureExtractor:
    """A MobileNetV2 backbone on ONNX Runtime.

    Args:
        parameters: a mapping of the course library's names to arrays, or a `MobileNetV2Backbone` cell. They
            are read once: parameters that change later need a new extractor.
        pooled: return (N, 1280), the mean over positions, instead of the map (N, 1280, 7, 7).
        threads: of ONNX Runtime; by default as many as cores are available.
        start: first of the backbone's cells to be run; what goes into it is given in the images' place.
        stop: the cell before which to stop; by default none.
        head: what is done with the map; its result is then returned in place of the features.

    Attributes:
        input_shape: (3, 224, 224), or what goes into the cell `start`.

    Raises:
        ValueError: the parameters are not a MobileNetV2 backbone's.

    The same image gives the same bits, whatever batch it comes in. Several threads may call it at once.
    """

    def __init__(
        self,
        parameters: Any,
        *,
        pooled: bool = True,
        threads: int | None = None,
        start: int = 0,
        stop: int | None = None,
        head: Head | None = None,
    ) -> None:
        self.pooled = pooled
        self.threads = threads or available_cores()
        graph = build_graph(
            backbone_parameters(parameters),
            pooled=pooled,
            strides=block_strides(parameters),
            start=start,
            stop=stop,
            head=head,
        )
        sizes = graph.graph.input[0].type.tensor_type.shape.dim
        self.input_shape = tuple(size.dim_value for size in sizes[1:])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # A thread that waits for its next piece of work keeps its core busy, most of the time between two
        # images: the fastest where nobody else wants the core. Milliseconds an image, two threads on two
        # cores, alone and beside fifteen busy processes: waiting busily 6.7 and 56, asleep 7.5 and 27.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0" if is_busy() else "1")
        self._session = onnxruntime.InferenceSession(
            graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, images: FloatArray) -> FloatArray:
        """Return the features of `images`, (N, *input_shape) float32 as the transforms make them; N may be 0.

        Raises:
            ValueError: another shape or type.
        """
        if images.dtype != np.float32 or images.ndim != 4 or images.shape[1:] != self.input_shape:
            expected = ", ".join(map(str, self.input_shape))
            raise ValueError(f"expected float32 (N, {expected}), got {images.dtype} {images.shape}")
        if 0 < len(images) <= BATCH_SIZE:
            return self._run(images)
        batches = [images[start : start + BATCH_SIZE] for start in range(0, max(1, len(images)), BATCH_SIZE)]
        return np.concatenate([self._run(batch) for batch in batches])

    def _run(self, batch: FloatArray) -> FloatArray:
        answer: FloatArray = self._session.run([OUTPUT_NAME], {INPUT_NAME: batch})[0]
        return answer
