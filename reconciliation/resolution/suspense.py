"""The sub-ledger of open breaks: what is held in suspense for each, and whether it ties.

    sum(suspense:*)  ==  sum of amounts at stake of open and left breaks        per currency, always; kept by a trigger
    sum(expense:*)   ==  sum of the hub's ``adjusted`` facts + write-offs without an order + rests of links

The hub's own account ``suspense`` is another thing: it holds what an order cannot name yet and, from ``adjusted``
facts, what was written off. An open break is in no book of the hub, because the hub does not know yet who is right;
here it is held as a memorandum until somebody does. At a period's end finance moves the hub's ``suspense`` of adjusted
facts to the expense accounts that stand here.
"""

from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.store.invariants import Complaint


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """Minor units; debit positive."""

    account: str
    currency: str
    amount: int


def balances(connection: Connection[TupleRow]) -> list[AccountBalance]:
    """Every account with a balance; their sum per currency is zero."""
    rows = connection.execute(
        "SELECT account, currency, sum(amount)::bigint FROM recon.postings GROUP BY 1, 2 HAVING sum(amount) <> 0"
        " ORDER BY 1, 2"
    )
    return [AccountBalance(*row) for row in rows]


def check(connection: Connection[TupleRow]) -> list[Complaint]:
    """What does not tie; empty when all does. Give it one moment (REPEATABLE READ) and it is never a false alarm."""
    found = [
        Complaint("suspense", f"break {break_id}", f"{posted} {currency} are held, {held} are open")
        for break_id, currency, held, posted in connection.execute(
            "SELECT break_id, currency, open_amount, posted FROM recon.suspense_check() ORDER BY 1, 2"
        )
    ]
    found += [
        Complaint("suspense", f"break {break_id}", f"its lines come to {amount} {currency}")
        for break_id, currency, amount in connection.execute(
            "SELECT break_id, currency, sum(amount) FROM recon.postings GROUP BY 1, 2 HAVING sum(amount) <> 0"
            " ORDER BY 1, 2"
        )
    ]
    return found
