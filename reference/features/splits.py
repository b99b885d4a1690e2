"""The features of a whole data set: every split in its views, whatever is frozen."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reference.command_line import progress
from reference.features.activations import extract_activations
from reference.features.cache import FeatureCache
from reference.features.extraction import Backbone, extract_features
from reference.images.imagefolder import ImageFolder
from reference.images.views import EVALUATION, View
from reference.training.head import LabelledFeatures, TrainingData


@dataclass(frozen=True)
class Features:
    """The features of a data set.

    Attributes:
        data: the features, and what they show.
        computed: different features that were computed.
        cached: different features that an earlier run had left on disk.
        repeated: all others, which are those of copies of an image.
    """

    data: TrainingData
    computed: int
    cached: int
    repeated: int

    def digest(self) -> str:
        """Return a digest of all that a head or the last blocks learn from."""
        digest = hashlib.sha256()
        for part in (self.data.train, self.data.validation):
            digest.update(f"{part.features.shape} {part.features.dtype}\n".encode())
            digest.update(part.features.reshape(-1).view(np.uint8).data)
            digest.update(part.labels.tobytes())
        return digest.hexdigest()


def compute_features(
    folder: ImageFolder, views: Sequence[View], backbone: Backbone, cache_folder: Path
) -> Features:
    """Get the features of all splits, with one progress bar.

    Args:
        folder: the data set.
        views: of the training images.
        backbone: whole, or up to the cell that learns.
        cache_folder: of the caches.

    Raises:
        InputError: an image cannot be read, or activations cannot be written.
    """
    splits = [(folder.train, tuple(views)), (folder.validation, (EVALUATION,))]
    if folder.test:
        splits.append((folder.test, (EVALUATION,)))
    total = sum(len(split.paths) * len(split_views) for split, split_views in splits)
    cache = FeatureCache(cache_folder)
    with progress(total, "features", "image") as bar:
        done = [
            extract_features(split.paths, split_views, backbone, cache, bar.update)
            if backbone.is_whole
            else extract_activations(
                split.paths,
                split_views,
                backbone,
                cache_folder / "activations",
                bar.update,
                half=split is folder.train,
            )
            for split, split_views in splits
        ]
    if cache.trouble:
        print(f"note: the feature cache in {cache_folder} is not used: {cache.trouble}", file=sys.stderr)
    # Copies may lie in different splits, so the keys are counted and not the features.
    different = len(frozenset().union(*(extraction.keys for extraction in done)))
    computed = len(frozenset().union(*(extraction.computed_keys for extraction in done)))
    train, validation, *rest = (
        LabelledFeatures(extraction.features, split.labels)
        for extraction, (split, _) in zip(done, splits, strict=True)
    )
    data = TrainingData(train, validation, rest[0] if rest else None, len(folder.classes))
    return Features(data, computed, different - computed, total - different)
