"""Taking a submission in: from a folder or zip of unknown content to a private, hashed copy."""
