"""Cross entropy with the labs' label smoothing."""

from __future__ import annotations

from src_mindspore.cpu import cap_onednn_isa

cap_onednn_isa()

import mindspore as ms  # noqa: E402
from mindspore import Tensor, nn, ops  # noqa: E402


class CrossEntropyWithLabelSmooth(nn.Cell):
    """Mean cross entropy of logits (N, K) and labels (N,), where a part of the target is moved.

    The true class's target is 1 - eps and that of every other class is eps / (K - 1), so that the loss
    cannot fall below

        -(1 - eps) log(1 - eps) - eps log(eps / (K - 1)),

    which is .4637 for five classes and eps .1, and .6470 for 26. `nn.CrossEntropyLoss(label_smoothing=eps)`,
    like PyTorch, spreads eps over all K classes, the true one too.

    Args:
        smooth_factor: eps.
        num_classes: K, at least 2.
    """

    def __init__(self, smooth_factor: float = 0.0, num_classes: int = 1000) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.on_value = Tensor(1.0 - smooth_factor, ms.float32)
        self.off_value = Tensor(smooth_factor / (num_classes - 1), ms.float32)

    def construct(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        targets = ops.one_hot(labels, self.num_classes, self.on_value, self.off_value)
        return -(targets * ops.log_softmax(logits, 1)).sum(1).mean()
