"""Checkpoints as students save them, and heads that are really trained, in numpy."""

import numpy as np
import pytest

CLASSES, COLUMNS = 5, 64


def varint(number):
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def field(number, content):
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def mindspore(arrays):
    """As mindspore.save_checkpoint writes it."""
    rows = b""
    for name, array in arrays.items():
        dims = b"".join(b"\x08" + varint(size) for size in array.shape)
        tensor = dims + field(2, b"Float32") + field(3, np.ascontiguousarray(array, "<f4").tobytes())
        rows += field(1, field(1, name.encode()) + field(2, tensor))
    return rows


@pytest.fixture(scope="session")
def data():
    """Features with a few strong directions and many weak ones, and labels that depend on them."""
    chance = np.random.default_rng(7)
    strengths = 2.0 / np.arange(1, COLUMNS + 1) ** 0.5
    features = chance.normal(size=(400, COLUMNS)) * strengths + 0.3
    labels = (features @ chance.normal(size=(COLUMNS, CLASSES))).argmax(axis=1)
    return features.astype(np.float32), labels


@pytest.fixture(scope="session")
def trained(data):
    """Train a head by momentum SGD on softmax cross-entropy: `trained(seed, start=None, epochs=10)`."""
    features, labels = data

    def train(seed, start=None, epochs=10, rate=0.02, decay=1e-3):
        chance = np.random.default_rng(seed)
        head = chance.normal(0, 0.05, (CLASSES, COLUMNS)) if start is None else start.astype(float)
        speed = np.zeros_like(head)
        for _ in range(epochs):
            for batch in np.array_split(chance.permutation(len(features)), 10):
                logits = features[batch] @ head.T
                odds = np.exp(logits - logits.max(axis=1, keepdims=True))
                wrong = odds / odds.sum(axis=1, keepdims=True) - np.eye(CLASSES)[labels[batch]]
                speed = 0.9 * speed + wrong.T @ features[batch] / len(batch) + decay * head
                head = head - rate * speed
        return head.astype(np.float32)

    return train
