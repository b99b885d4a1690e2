"""The drawn demo set: 26 garbage classes sketched with OpenCV, for trying things out without real photos."""
