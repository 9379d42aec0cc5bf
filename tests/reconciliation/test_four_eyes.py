"""Two different people, held by the tables: every way around it in SQL is refused by a constraint with a name."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from hub.store.audit import Audit
from interlock.database import Pool
from reconciliation.policies import PolicyBook, policy
from reconciliation.policies.book import drafts
from reconciliation.runs import Reconciler
from schemas.problems import ProblemError
from tests.reconciliation.house import DAY, Clock, House, at, reconciler
from tests.reconciliation.ledger_of_breaks import BreakTable

NOW: datetime = at("12:00")
PROPOSE = (
    "INSERT INTO recon.resolutions (resolution_id, break_id, attempt, action, reason, proposed_by, proposed_at, state,"
    " policy, people, approved_by, approved_at)"
    " VALUES (%(id)s, %(break)s, 1, 'write_off', 'small', %(who)s, %(now)s, %(state)s, %(policy)s, %(people)s,"
    " %(by)s, %(at)s)"
)
APPROVE = (
    "UPDATE recon.resolutions SET state = 'approved', approved_by = %(by)s, approved_at = %(now)s"
    " WHERE resolution_id = %(id)s"
)
AGREE = "INSERT INTO recon.approvals (resolution_id, person, at) VALUES (%(id)s, %(by)s, %(now)s)"
EDIT = "UPDATE recon.resolutions SET proposed_by = 'carl' WHERE resolution_id = %(id)s"

ANNA = {"who": "anna", "state": "proposed", "policy": None, "people": 2}
THREE = ANNA | {"people": 3}

# what is written first         | what is tried then, by whom                           | the constraint that refuses
REFUSED: list[tuple[dict[str, Any], list[tuple[str, str]], str]] = [
    (ANNA, [(AGREE, "anna")], "two_people"),
    (ANNA, [(AGREE, "ANNA")], "two_people"),
    (ANNA, [(AGREE, " Anna ")], "two_people"),
    (ANNA, [(AGREE, "ａｎｎａ")], "two_people"),
    (ANNA, [(APPROVE, "bert")], "enough_people"),
    (ANNA, [(AGREE, "bert"), (APPROVE, "Anna")], "two_people"),
    (ANNA, [(EDIT, "")], "append_only"),
    (ANNA, [(AGREE, "bert"), (APPROVE, "bert"), (EDIT, "")], "append_only"),
    (THREE, [(AGREE, "bert"), (APPROVE, "bert")], "enough_people"),
    (ANNA | {"state": "applied"}, [], "two_people"),
    (ANNA | {"state": "approved"}, [], "two_people"),
    (ANNA | {"by": "bert", "at": NOW}, [], "two_people"),
    (ANNA | {"policy": "default@1 small", "state": "approved"}, [], "two_people"),
    (ANNA | {"who": "policy:mine@1"}, [], "two_people"),
    (ANNA, [("DELETE FROM recon.resolutions WHERE resolution_id = %(id)s", "")], "append_only"),
    (ANNA, [(AGREE, "bert"), ("UPDATE recon.approvals SET person = 'carl'", "")], "append_only"),
    (ANNA, [("UPDATE recon.breaks SET state = 'resolved' WHERE break_id = %(break)s", "")], "resolved_by_a_resolution"),
    (ANNA, [("DELETE FROM recon.breaks WHERE break_id = %(break)s", "")], "append_only"),
    (ANNA, [("UPDATE recon.postings SET amount = 1", "")], "append_only"),
    (ANNA, [("TRUNCATE recon.postings", "")], "append_only"),
    (
        ANNA,
        [
            (
                "INSERT INTO recon.postings (break_id, account, amount, currency, cause, at)"
                " VALUES (%(break)s, 'expense:mine', 5, 'CNY', 'written_off', %(now)s)",
                "",
            )
        ],
        "postings_balance",
    ),
]


def refusal(written: Callable[[], object]) -> str | None:
    """The name of the constraint that refuses it."""
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        written()
    return refused.value.diag.constraint_name


@pytest.fixture
def table(connection: Connection[TupleRow]) -> BreakTable:
    return BreakTable(connection)


@pytest.mark.parametrize(("first", "then", "constraint"), REFUSED)
def test_direct_sql(table: BreakTable, first: dict[str, Any], then: list[tuple[str, str]], constraint: str) -> None:
    values = {"id": uuid4(), "break": table.put(500), "now": NOW, "by": None, "at": None} | first

    def written() -> None:
        table.connection.execute(PROPOSE.encode(), values)
        for statement, by in then:
            table.connection.execute(statement.encode(), values | {"by": by or None})

    assert refusal(written) == constraint


def test_two_people_may(table: BreakTable) -> None:
    values = {"id": uuid4(), "break": table.put(500), "now": NOW, "by": None, "at": None} | ANNA
    table.connection.execute(PROPOSE.encode(), values)
    for statement in (AGREE, APPROVE):
        table.connection.execute(statement.encode(), values | {"by": "bert"})


CLOSING = (
    "INSERT INTO recon.closings (closing_id, business_date, act, reason, proposed_by, proposed_at)"
    " VALUES (%s, %s, %s, 'month end', 'anna', %s)"
)
DONE = (
    "UPDATE recon.closings SET state = 'done', decided_by = %s, decided_at = %s, done_order = 1, seal = %s,"
    " summary = CASE WHEN %s::text IS NULL THEN NULL ELSE '{}'::jsonb END WHERE closing_id = %s"
)


@pytest.mark.parametrize(
    ("by", "act", "seal", "constraint"),
    [
        ("Anna", "close", "s", "closing_by_two_people"),
        ("bert", "close", None, "closing_sealed"),
        ("bert", "reopen", None, "closing_changes_something"),
    ],
)
def test_a_date_is_not_closed_by_one(table: BreakTable, by: str, act: str, seal: str | None, constraint: str) -> None:
    closing = uuid4()

    def written() -> None:
        table.connection.execute(CLOSING, (closing, DAY, act, NOW))
        table.connection.execute(DONE, (by, NOW, seal, seal, closing))

    assert refusal(written) == constraint


CHANGES: Mapping[str, Callable[[BreakTable, UUID], object]] = {
    "another break": lambda table, known: table.put(100),
    "another run": lambda table, known: table.run("f" * 64),
    "another state": lambda table, known: table.connection.execute("UPDATE recon.breaks SET state = 'left'"),
    "a proposal": lambda table, known: table.connection.execute(
        PROPOSE.encode(), {"id": uuid4(), "break": known, "now": NOW, "by": None, "at": None} | ANNA
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_closed_date_changes_no_more(table: BreakTable, change: str) -> None:
    known, closing = table.put(500), uuid4()
    table.connection.execute(CLOSING, (closing, DAY, "close", NOW))
    table.connection.execute(DONE, ("bert", NOW, "s", "s", closing))
    table.connection.execute("UPDATE recon.breaks SET assignee = 'carl' WHERE break_id = %s", (known,))
    assert refusal(lambda: CHANGES[change](table, known)) == "date_is_closed"


TEXT = """
name: default
version: "{version}"
rules:
  - {{name: nothing, title_zh: 甲, title_en: nothing, definitions: ["*"], kinds: [AMOUNT], action: leave}}
"""


def test_a_policy_holds_when_two_people_agree(pool: Pool) -> None:
    book = PolicyBook(pool, Audit(bytes(32)), lambda: NOW)
    assert book.in_force("default") == policy("default")
    book.propose(TEXT.format(version="9"), "calmer", "anna")
    with pytest.raises(ProblemError, match="second_person_needed"):
        book.decide("default", "9", "Anna", agree=True)
    assert book.in_force("default") == policy("default")
    book.decide("default", "9", "bert", agree=True)
    assert book.in_force("default").title == "default@9"
    book.propose(TEXT.format(version="10"), "wilder", "anna")
    book.decide("default", "10", "bert", agree=False)
    assert (book.in_force("default").title, len(book.versions())) == ("default@9", 2)
    for wrong, said in ((TEXT.format(version="9"), "proposed before"), ("rules: 3", "no policy"), ("[", "no YAML")):
        with pytest.raises(ProblemError, match=said):
            book.propose(wrong, "because", "anna")


def test_a_file_alone_resolves_nothing(tmp_path: Any) -> None:
    (tmp_path / "mine.yaml").write_text(TEXT.format(version="1"), encoding="utf-8")
    (tmp_path / "odd.yaml").write_text("rules: 3", encoding="utf-8")
    found = drafts(tmp_path)
    assert [(d.path.name, d.policy is not None, d.error is not None) for d in found] == [
        ("mine.yaml", True, False),
        ("odd.yaml", False, True),
    ]


@pytest.fixture
def recon(pool: Pool, tmp_path: Path) -> Reconciler:
    return reconciler(pool, House(), Clock(), tmp_path)


def put(pool: Pool, amount: int) -> UUID:
    with pool.connection() as connection:
        return BreakTable(connection).put(amount)


def test_three_people_for_much_money(recon: Reconciler, pool: Pool) -> None:
    """Above 500,000 yuan two approve what a third has proposed; one of them twice, in other letters, is still one."""
    found = put(pool, 50_000_001)
    made = recon.resolver.propose(found, "reject", "they have counted twice", "anna")
    seen = [recon.resolver.approve(made["resolution_id"], who, recon.kept_parts) for who in ("bert", "BERT", "carl")]
    assert [(row["people"], row["state"], len(row["approvals"])) for row in seen] == [
        (3, "proposed", 1),
        (3, "proposed", 1),
        (3, "applied", 2),
    ]
    assert (recon.cases.one(found)["state"], recon.cases.one(found)["manual"]) == ("resolved", True)


def test_an_approval_whose_process_died_is_given_again(recon: Reconciler, pool: Pool) -> None:
    found = put(pool, 150)
    made = recon.resolver.propose(found, "reject", "not ours", "anna")["resolution_id"]
    with pool.connection() as connection:
        recon.resolver.records.agree(connection, made, "bert", NOW)
    assert (recon.resolver.records.one(made)["state"], recon.cases.one(found)["state"]) == ("approved", "open")
    with pytest.raises(ProblemError, match="resolution_unknown"):
        recon.resolver.approve(made, "carl", recon.kept_parts)
    assert recon.resolver.approve(made, "bert", recon.kept_parts)["state"] == "applied"


def test_whose_a_break_is_may_change_at_any_time(recon: Reconciler, pool: Pool) -> None:
    found = put(pool, 150)
    assert recon.resolver.assign(found, "carl", "anna")["assignee"] == "carl"
    assert recon.resolver.assign(found, None, "bert")["assignee"] is None
    with pytest.raises(ProblemError, match="break_unknown"):
        recon.resolver.assign(uuid4(), "carl", "anna")


def test_two_links_never_claim_one_row(recon: Reconciler, pool: Pool) -> None:
    """Both proposed while all is open; the second approval comes too late, and does nothing."""
    with pool.connection() as connection:
        table = BreakTable(connection)
        ours, other, theirs = (table.put(10000, kind) for kind in ("MISSING_IN_CHANNEL", "DUPLICATE", "MISSING_IN_HUB"))
        connection.execute("UPDATE recon.breaks SET right_value = NULL WHERE break_id = ANY(%s)", ([ours, other],))
        connection.execute(
            "UPDATE recon.breaks SET right_value = left_value, left_value = NULL WHERE break_id = %s", (theirs,)
        )
    link = {"breaks": [str(theirs)]}
    first, late = (
        recon.resolver.propose(one, "link", "the same", "anna", link)["resolution_id"] for one in (ours, other)
    )
    states = [recon.resolver.approve(made, "bert", recon.kept_parts)["state"] for made in (first, late)]
    assert states == ["applied", "failed"]
    assert [recon.cases.one(b)["state"] for b in (ours, other, theirs)] == ["resolved", "left", "resolved"]
