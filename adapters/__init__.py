"""The channels: each package reads one channel's own language into observations and speaks it back.

    profile    the facts about the connection, as data
    parse      native bytes -> observation or rejection      (pure)
    format     event and order -> native bytes               (pure)
    transport  the only I/O
    faults     their error codes -> ours, retry or not, whose fault

An adapter knows no other adapter, and of the hub only ``hub.ports``.
"""
