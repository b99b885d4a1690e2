"""What the frozen part of the network makes of images: computed once, kept by content."""
