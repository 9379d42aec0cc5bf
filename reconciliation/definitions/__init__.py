"""What is compared with what: validated documents, one per pair of systems, and views over several pairs.

model       the documents
reading     bytes -> document, or every fault with its place
catalogue   the shipped documents and the operator's own
checking    what is valid but unwise
schema      the published JSON Schema
"""

from reconciliation.calendars import Calendar
from reconciliation.definitions.catalogue import Catalogue, catalogue, chosen, definitions, load, views
from reconciliation.definitions.model import (
    Closing,
    Comparison,
    Definition,
    ExactPass,
    Fee,
    GroupPass,
    Pass,
    SecondaryPass,
    Side,
    SourceName,
    SuggestPass,
    View,
)
from reconciliation.definitions.reading import DocumentError, Finding

__all__ = [
    "Calendar",
    "Catalogue",
    "Closing",
    "Comparison",
    "Definition",
    "DocumentError",
    "ExactPass",
    "Fee",
    "Finding",
    "GroupPass",
    "Pass",
    "SecondaryPass",
    "Side",
    "SourceName",
    "SuggestPass",
    "View",
    "catalogue",
    "chosen",
    "definitions",
    "load",
    "views",
]
