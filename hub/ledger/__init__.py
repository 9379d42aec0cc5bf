"""The ledger's rules, pure: facts join a set, the set folds into an order, money facts post balanced lines."""

from hub.ledger.digest import digest, order_content
from hub.ledger.document import (
    HUB,
    Document,
    Joined,
    Statement,
    WitnessedStatement,
    read_document,
    read_statements,
    rebuild,
    statements_of,
    write_document,
    write_statements,
)
from hub.ledger.fold import Folded, fold, fold_observations, fold_with_postings
from hub.ledger.postings import Posting, difference

__all__ = [
    "HUB",
    "Document",
    "Folded",
    "Joined",
    "Posting",
    "Statement",
    "WitnessedStatement",
    "difference",
    "digest",
    "fold",
    "fold_observations",
    "fold_with_postings",
    "order_content",
    "read_document",
    "read_statements",
    "rebuild",
    "statements_of",
    "write_document",
    "write_statements",
]
