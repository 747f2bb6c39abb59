"""Network or files → packets."""
