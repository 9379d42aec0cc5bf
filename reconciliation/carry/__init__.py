"""The carry: what is one-sided but may still find its counterpart, rolled forward from business date to business date.

    opening + new - cleared = closing        counted and summed, per definition, date, side and currency

waiting   from which instant on a one-sided row still waits, and when it becomes a break
files     the carry as Parquet, named by its digest; what a run opens with and closes with
proof     the roll-forward of one run, and over all dates: a date opens with what the date before has closed with
"""

from reconciliation.carry.files import Closing, Opening, close, opening, record
from reconciliation.carry.proof import Gap, Roll, carry_of, gaps
from reconciliation.carry.waiting import followed, waits, waits_from

__all__ = [
    "Closing",
    "Gap",
    "Opening",
    "Roll",
    "carry_of",
    "close",
    "followed",
    "gaps",
    "opening",
    "record",
    "waits",
    "waits_from",
]
