"""What the frozen part of the network makes of images: computed once, kept by content.

The face of the package; everything else in it is private.
"""

from reference.features.extraction import (
    Backbone,
    FeatureCache,
    default_cache_folder,
    extract_features,
    parameters_digest,
)
from reference.features.splits import Features, compute_features

__all__ = [
    "Backbone",
    "FeatureCache",
    "Features",
    "compute_features",
    "default_cache_folder",
    "extract_features",
    "parameters_digest",
]
