"""A MobileNetV2 with very few channels, and what it computes, written in numpy without any folding."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Parameters = dict[str, np.ndarray]

STRIDES = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1)
CHANNELS = (2, 3, 3, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 7, 7, 7, 8)
LAST = 9


def narrow_parameters(seed: int = 0) -> Parameters:
    rng = np.random.default_rng(seed)
    parameters: Parameters = {}

    def convolution(conv: str, norm: str, out: int, inputs: int, kernel: int) -> None:
        scale = 1.5 / np.sqrt(inputs * kernel * kernel)
        parameters[f"{conv}.weight"] = rng.normal(0, scale, (out, inputs, kernel, kernel)).astype(np.float32)
        for name, low, high in (
            ("gamma", 0.5, 1.5),
            ("beta", -0.5, 1),
            ("moving_mean", -1, 1),
            ("moving_variance", 0.3, 2),
        ):
            parameters[f"{norm}.{name}"] = rng.uniform(low, high, out).astype(np.float32)

    convolution("features.0.features.0", "features.0.features.1", 2, 3, 3)
    before = 2
    for i, out in enumerate(CHANNELS, start=1):
        hidden, prefix, place = before if i == 1 else 2 * before, f"features.{i}.conv", 0
        if i > 1:
            convolution(f"{prefix}.0.features.0", f"{prefix}.0.features.1", hidden, before, 1)
            place = 1
        convolution(f"{prefix}.{place}.features.0", f"{prefix}.{place}.features.1", hidden, 1, 3)
        convolution(f"{prefix}.{place + 1}", f"{prefix}.{place + 2}", out, hidden, 1)
        before = out
    convolution("features.18.features.0", "features.18.features.1", LAST, before, 1)
    return parameters


def numpy_features(p: Parameters, images: np.ndarray) -> np.ndarray:
    """The map (N, LAST, 7, 7) in float64, layer by layer as the paper says."""

    def relu6(x: np.ndarray) -> np.ndarray:
        return np.clip(x, 0, 6)

    def layer(x: np.ndarray, conv: str, norm: str, stride: int = 1) -> np.ndarray:
        weight = p[f"{conv}.weight"].astype(np.float64)
        pad = (weight.shape[-1] - 1) // 2
        x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        windows = sliding_window_view(x, weight.shape[-2:], axis=(2, 3))[:, :, ::stride, ::stride]
        if weight.shape[1] == x.shape[1]:
            y = np.einsum("nchwij,ocij->nohw", windows, weight, optimize=True)
        else:  # depthwise
            y = np.einsum("nchwij,cij->nchw", windows, weight[:, 0], optimize=True)
        gamma, beta, mean, variance = (
            p[f"{norm}.{name}"].astype(np.float64)[:, None, None]
            for name in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return gamma * (y - mean) / np.sqrt(variance + 1e-5) + beta

    x = relu6(layer(images.astype(np.float64), "features.0.features.0", "features.0.features.1", 2))
    for i, stride in enumerate(STRIDES, start=1):
        prefix, place, y = f"features.{i}.conv", 0, x
        if i > 1:
            y = relu6(layer(y, f"{prefix}.0.features.0", f"{prefix}.0.features.1"))
            place = 1
        y = relu6(layer(y, f"{prefix}.{place}.features.0", f"{prefix}.{place}.features.1", stride))
        y = layer(y, f"{prefix}.{place + 1}", f"{prefix}.{place + 2}")
        x = x + y if stride == 1 and x.shape[1] == y.shape[1] else y
    return relu6(layer(x, "features.18.features.0", "features.18.features.1"))
