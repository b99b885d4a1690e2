"""One drawing function a class, a module for each kind of waste."""
