"""What a report says in words, and where the words come from."""
