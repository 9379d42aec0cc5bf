"""What a counterparty says to the hub's figures: every order of a date, in accord or with a difference per component.

A party is a channel's connection (``agents``, ``agents_south``, any other): its own token, its own orders.

drawing     the figures of a date, drawn up from the books; drawn up again when the books have changed
answering   accord or difference, order by order; idempotent, late ones too
differing   a difference as a break of the pair confirm-<channel>
"""

from reconciliation.confirming.answering import Answer, Answered, answer
from reconciliation.confirming.differing import definition_of, record_differences
from reconciliation.confirming.drawing import COMPONENTS, Page, draw_up, missing, page

__all__ = [
    "COMPONENTS",
    "Answer",
    "Answered",
    "Page",
    "answer",
    "definition_of",
    "draw_up",
    "missing",
    "page",
    "record_differences",
]
