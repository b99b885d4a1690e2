"""The canonical MobileNetV2 fine-tune: the answer key, never handed out."""

# First of all: the course library tells MindSpore and ONNX Runtime what they read when they are imported.
import src_mindspore  # noqa: F401
