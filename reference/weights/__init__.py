"""Pretrained weights: where they come from, how they are read without running code, and under which names."""
