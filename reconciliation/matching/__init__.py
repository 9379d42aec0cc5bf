"""Matching: two sides, piece by piece, in passes. Pure: files in, files out, the same on every machine.

plan        what of a definition and a date decides a match, as one small value
tables      the columns of the files in between, options, counts
exact       the first pass over whole sides
expressions its queries, written once with Ibis, compiled for the engine that runs them
queries     the door to the expressions
compare     whether two rows say the same
engine      runs them: what an engine is, and DuckDB
spark       the second engine, where it is chosen
later       the passes over what the pieces leave, each row claimed once
secondary   by another reference of the same thing
groups      sums of a shared batch or order: 1:n, n:1, n:m
suggest     candidates for a person, never a match
search      groups without a shared reference: sums of few, confirmed only when there is exactly one way
"""

from reconciliation.matching.engine import EngineFailed
from reconciliation.matching.exact import match_files
from reconciliation.matching.later import later_passes
from reconciliation.matching.queries import scope_sql
from reconciliation.matching.tables import MATCHES, PAIRS, EngineName, LaterResult, MatchOptions, PairSide, PieceResult

__all__ = [
    "MATCHES",
    "PAIRS",
    "EngineFailed",
    "EngineName",
    "LaterResult",
    "MatchOptions",
    "PairSide",
    "PieceResult",
    "later_passes",
    "match_files",
    "scope_sql",
]
