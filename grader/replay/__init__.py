"""Asking a part of the split again: are the answers stable, and are they about the picture?"""
