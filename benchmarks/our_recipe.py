"""The reference's way of training a head, on the data and for the epochs of the original recipe.

    python -m benchmarks.our_recipe --dataset_path D --pretrained CKPT --scratch S --epochs 40

It calls what `reference.finetune --solver sgd` calls: the engine computes pooled features once, into a new
cache, and the head learns from them. One view of each image, as in the original recipe.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.protocol import ProgressTeller
from benchmarks.recipes import BATCH_SIZE, tell_phases
from reference.features import Backbone, FeatureCache, extract_features
from reference.images import EVALUATION, Split, scan
from reference.pretrained import load_pretrained
from reference.training import train_head_by_steps
from reference.values import HEAD_RECIPE, LabelledFeatures, TrainingData


def main() -> None:
    """Do it all, and tell how long each phase took."""
    parser = argparse.ArgumentParser(description="Train a head as the reference does.")
    parser.add_argument("--dataset_path", type=Path, required=True)
    parser.add_argument("--pretrained", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True, help="where the feature cache goes")
    parser.add_argument("--epochs", type=int, required=True)
    options = parser.parse_args()
    folder = scan(options.dataset_path)
    backbone = Backbone(load_pretrained(options.pretrained))
    # The head's seconds are not worth a bar.
    teller = ProgressTeller(len(folder.train.paths) + len(folder.validation.paths))
    with tempfile.TemporaryDirectory(dir=options.scratch) as name:
        cache = FeatureCache(Path(name))

        def features(split: Split) -> LabelledFeatures:
            extraction = extract_features(split.paths, (EVALUATION,), backbone, cache, teller.advance)
            return LabelledFeatures(extraction.features, split.labels)

        begun = time.perf_counter()
        train, validation = features(folder.train), features(folder.validation)
        extracted = time.perf_counter()
        recipe = replace(HEAD_RECIPE, epochs=options.epochs, batch_size=BATCH_SIZE)
        data = TrainingData(train, validation, len(folder.classes))
        result = train_head_by_steps(data, recipe, seed=0)
        trained = time.perf_counter()
    correct = result.best.count_correct(validation)
    tell_phases(begun, extracted, trained, correct)


if __name__ == "__main__":
    main()
