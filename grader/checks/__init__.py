"""Two built-in submissions whose outcome is known, which are graded before anybody else's."""
