"""Reconciliation measured: a day whose every difference is known beforehand, a score by id, and the day's cost.

cases     the table of what is seeded: each difference, and what only looks like one
world     a seeded day of N rows as canonical Parquet, with its truth
native    the same day as the other systems would write it: the agents' extract, a WeChat Pay trade bill
passes    a smaller world for other references, tolerances, windows, groups and ambiguous choices
score     what an engine found against the truth: found, missed, wrong kind, invented
floors    what the hardware and the bare joins need for the same day, and datacompy
house     the day through our own Reconciler on a real database
bench     stages with wall time, CPU and memory, beside the floors, in one run
"""
