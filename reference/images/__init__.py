"""Images on disk, and the views of them that a network is shown."""
