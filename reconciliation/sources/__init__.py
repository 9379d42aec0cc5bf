"""Four kinds of sources, one kind of row: the hub, a channel's extract, a processor's statements, and seats."""
