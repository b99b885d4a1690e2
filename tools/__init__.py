"""What the project needs to make what it hands out; run from the project's folder."""
