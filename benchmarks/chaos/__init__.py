"""Chaos: a seeded day is played while things break, and then everything is counted.

faults      what breaks when: a schedule made from a seed
gateway     a bad network between the hub and the channels, which notes everything that passes
breaking    kills, flushes, restarts, a full folder
accounts    who said what, who has heard what: compared by id, message by message and event by event
run         the day; `python -m benchmarks.chaos` is its command line, `make chaos` calls it
"""
