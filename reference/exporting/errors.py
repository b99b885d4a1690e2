"""What can go wrong with an export though the input was fine."""


class ExportError(Exception):
    """A file could not be written, or does not answer as the live network does; one line says which."""
