"""Tests of the class lists and the drawn demo set."""
