"""Heads that are really trained, in numpy."""

import numpy as np
import pytest

CLASSES, COLUMNS = 5, 64


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
