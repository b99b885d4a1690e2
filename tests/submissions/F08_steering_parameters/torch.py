"""A framework of the submission's own, which the recorder takes for PyTorch."""

import contextlib

import numpy as np

no_grad = contextlib.nullcontext


class Tensor:
    def __init__(self, array):
        self.array = np.array(array, np.float32)
        self.shape = self.array.shape
        self.dtype = "float32"

    def detach(self):
        return self

    cpu = detach

    def numpy(self):
        return self.array

    def copy_(self, other):
        self.array[...] = other.array


from_numpy = Tensor


class nn:
    class Module:
        def __call__(self, *given):
            return self.forward(*given)
