"""A whole class: many submissions, one gradebook."""
