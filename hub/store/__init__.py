"""All SQL of the hub. PostgreSQL is the truth; every function here takes the caller's transaction."""
