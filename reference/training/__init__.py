"""Training: recipes, schedules, losses, and the loops that use them."""
