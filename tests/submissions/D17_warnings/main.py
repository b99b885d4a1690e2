import logging
import sys
import warnings

warnings.warn("careful")
warnings.simplefilter("always")
NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    warnings.warn("careful again")
    logging.warning("and again")
    print("Warning: and again", file=sys.stderr)
    return NAMES[int(image[0, 0, 0]) // 80]
