"""The canonical MobileNetV2 fine-tune: the answer key, never handed out."""
