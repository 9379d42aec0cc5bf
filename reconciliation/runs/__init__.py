"""The order in which a day is reconciled: content-addressed, in pieces, and taken up wherever it was cut off.

gather      one snapshot of every side, as datasets
prepare     one pair out of it, and what makes this run this run
pieces      matching by buckets: files in, a file out, found again by its content
worklist    the pieces in PostgreSQL: to do, at work, done
explaining  pieces -> later passes -> breaks and carry
persist     breaks into PostgreSQL: one COPY, one transaction
reconciler  all of it for a day, then the policies
matched     the full list of matched and unmatched rows of a run
dry         what the policies would do
"""

from reconciliation.runs.options import ReconOptions
from reconciliation.runs.outcome import DayOutcome, DefinitionOutcome
from reconciliation.runs.progress import Moment, Progress, silent
from reconciliation.runs.reconciler import Reconciler, build
from reconciliation.runs.worklist import PieceFailed

__all__ = [
    "DayOutcome",
    "DefinitionOutcome",
    "Moment",
    "PieceFailed",
    "Progress",
    "ReconOptions",
    "Reconciler",
    "build",
    "silent",
]
