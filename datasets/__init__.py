"""Where the real sets come from (README.md), and the door to what the grader holds: class lists, demo set.

Nothing is installed under this name, which is that of another project's package.
"""
