"""Heads as students write them: plain ones, and some that no graph can stand for.

They live in a file of their own because MindSpore reads a cell's source when it compiles.
"""

import mindspore as ms
from mindspore import Tensor, nn, ops


class GlobalPooling(nn.Cell):
    def __init__(self, reduction="mean"):
        super().__init__()
        if reduction == "max":
            self.mean = ops.ReduceMax(keep_dims=False)
        else:
            self.mean = ops.ReduceMean(keep_dims=False)

    def construct(self, x):
        return self.mean(x, (2, 3))


class StudentsHead(nn.Cell):
    """The head that most of them hand in."""

    def __init__(self, channels=1280, hw=7, classes=5, reduction="mean", activation="None"):
        super().__init__()
        if reduction:
            self.flatten = GlobalPooling(reduction)
        else:
            self.flatten = nn.Flatten()
            channels = channels * hw * hw
        self.dense = nn.Dense(channels, classes, has_bias=False)
        self.need_activation = activation != "None"
        if self.need_activation:
            self.activation = nn.Softmax() if activation == "Softmax" else nn.Sigmoid()

    def construct(self, x):
        x = self.flatten(x)
        x = self.dense(x)
        if self.need_activation:
            x = self.activation(x)
        return x


class TwoLayers(nn.Cell):
    def __init__(self):
        super().__init__()
        self.first = nn.Dense(1280, 16, activation="relu")
        self.drop = nn.Dropout(p=0.2)
        self.second = nn.Dense(16, 5)

    def construct(self, x):
        return ops.softmax(self.second(self.drop(self.first(x.mean((2, 3))))))


class _Pooled(nn.Cell):
    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(1280, 5)

    def pooled(self, x):
        return self.dense(ops.mean(x, (2, 3)))


class Counting(_Pooled):
    """Python state that goes into the answer."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def construct(self, x):
        self.calls = self.calls + 1
        return self.pooled(x) * self.calls


class Remembering(_Pooled):
    """A parameter of its own that every call changes."""

    def __init__(self):
        super().__init__()
        self.seen = ms.Parameter(Tensor(0.0, ms.float32), name="seen")

    def construct(self, x):
        ops.assign_add(self.seen, Tensor(1.0, ms.float32))
        return self.pooled(x) + self.seen


class Random(_Pooled):
    def construct(self, x):
        return self.pooled(x) + ops.rand(5)


class Branching(_Pooled):
    def construct(self, x):
        y = self.pooled(x)
        if y.max() > 1000:
            y = -y
        return y


class Half(_Pooled):
    def construct(self, x):
        return self.pooled(x.astype(ms.float16).astype(ms.float32))


class SoftmaxFirst(_Pooled):
    """The usual parts in another order."""

    def construct(self, x):
        return self.dense(ops.softmax(ops.mean(x, (2, 3))))


class Twice(_Pooled):
    """Two ways from the features to the answer."""

    def construct(self, x):
        return self.pooled(x) + self.dense(ops.amax(x, (2, 3)))


class Along(_Pooled):
    """Softmax over the batch, not the classes."""

    def construct(self, x):
        return ops.softmax(self.pooled(x), 0)


class Called(StudentsHead):
    """Does something when it is called, outside `construct`."""

    def __call__(self, x):
        return super().__call__(x) + 1


class Doubling(nn.Cell):
    """A student's own network, with the library's in it."""

    def __init__(self, network):
        super().__init__(auto_prefix=False)
        self.network = network

    def construct(self, x):
        return 2 * self.network(x)
