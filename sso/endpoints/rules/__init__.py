"""The rules of the protocol, a function each: sources, what it refuses, what it finds. `steps` puts them in order."""
