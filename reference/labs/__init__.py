"""The recipes of the two labs as their texts give them: configurations, schedules, losses, ways to train."""
