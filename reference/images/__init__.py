"""Image sets on disk, the pixels of their files, and the views of them that a network is shown.

The face of the package; everything else in it is private.
"""

from reference.images.imagefolder import (
    ImageFolder,
    LabelledImages,
    Split,
    evaluation_images,
    missing_classes,
    refuse_inside,
    scan,
    training_images,
)
from reference.images.views import (
    EVALUATION,
    TEST_VIEWS,
    Image,
    TestView,
    View,
    augmented_passes,
    check_readable,
    decode_file,
    file_digest,
    read_image,
    training_views,
)

__all__ = [
    "EVALUATION",
    "TEST_VIEWS",
    "Image",
    "ImageFolder",
    "LabelledImages",
    "Split",
    "TestView",
    "View",
    "augmented_passes",
    "check_readable",
    "decode_file",
    "evaluation_images",
    "file_digest",
    "missing_classes",
    "read_image",
    "refuse_inside",
    "scan",
    "training_images",
    "training_views",
]
