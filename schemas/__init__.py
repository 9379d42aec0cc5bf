"""The canonical contract: what five channels, the hub, finance and the provider mean by the same words.

Everything here is data or pure: no I/O but reading the package's own tables, no clock, no network.
"""
