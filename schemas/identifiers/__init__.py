"""Numbers that check themselves. One grammar: ``compact``, ``validate`` (the clean value), ``is_valid``, ``format``."""

from schemas.identifiers import order_no, resident_id, ticket_no
from schemas.identifiers.problems import InvalidChecksum, InvalidFormat, InvalidIdentifier, InvalidLength

__all__ = [
    "InvalidChecksum",
    "InvalidFormat",
    "InvalidIdentifier",
    "InvalidLength",
    "order_no",
    "resident_id",
    "ticket_no",
]
