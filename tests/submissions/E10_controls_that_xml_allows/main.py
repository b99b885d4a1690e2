raise ValueError("\x9b31m \x85 \u202e \x7f")
