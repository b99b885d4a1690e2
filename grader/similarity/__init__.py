"""What is alike between the submissions of a class, by how much, and what shows it."""
