"""Who can log in, and how they prove it."""
