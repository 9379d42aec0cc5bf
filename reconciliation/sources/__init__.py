"""Kinds of sources, one kind of row: the hub's ledger, a channel's extract, a processor's statements, and seats."""
