"""Breaks: differences with a kind, both sides' values, what they are worth and where they were seen.

found       what a break is, and files of them
values      one side's value of what a break is about, as text; differences that were accepted
around      the context that decides a kind: orders, channels' claims, accepted values, who still waits
explain     differences -> breaks, by SQL over files: millions of rows never become Python objects
covers      one cause, one break
seats       two tickets for one seat
"""

from reconciliation.breaks.around import Around
from reconciliation.breaks.explain import Explained, explain
from reconciliation.breaks.found import BREAKS, Break, read_breaks, refused_break, write_breaks
from reconciliation.breaks.seats import seat_breaks
from reconciliation.breaks.values import Accepted, accepted_values, said

__all__ = [
    "BREAKS",
    "Accepted",
    "Around",
    "Break",
    "Explained",
    "accepted_values",
    "explain",
    "read_breaks",
    "refused_break",
    "said",
    "seat_breaks",
    "write_breaks",
]
