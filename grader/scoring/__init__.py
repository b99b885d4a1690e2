"""From answers to a score: label names, top-1 accuracy, its interval, and the confusion matrix."""
