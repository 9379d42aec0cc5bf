"""Every action done, taken back, and the day run again: then both sides say what they said before."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hub.store.audit import Audit
from interlock.database import Pool
from reconciliation.cases import BreakFilter
from reconciliation.resolution import suspense
from reconciliation.runs import Reconciler
from schemas.problems import ProblemError
from tests.reconciliation.house import (
    DAY,
    Clock,
    House,
    at,
    bill_of,
    captured,
    content,
    issued,
    movements_of,
    reconciler,
    sale,
    tell,
    ticket_no,
    wechat_bill,
)

NAMES = ["hub-web", "hub-wechat"]

STORIES = """
story    | breaks of this kind and key                                   | action        | after the next run
lost     | hub-web    MISSING_IN_HUB     EW10000001                      | take_channel  | gone
deaf     | hub-web    MISSING_IN_CHANNEL EW10000002                      | push_hub      | there
wrong    | hub-web    AMOUNT             EW10000003                      | write_off     | gone
claim    | hub-wechat ORPHAN_REFUND      wechat|R4                       | reject        | gone
stray    | hub-wechat MISSING_IN_HUB     wechat|4205                     | write_off     | gone
twice    | hub-wechat DOUBLE_PAYMENT     wechat|4206B                    | refund        | gone
halves   | hub-wechat TICKET_NO_PAYMENT  wechat|4207 + wechat|4207A,4207B | link         | gone
gone     | hub-wechat ORPHAN_REFUND      wechat|R8                       | take_channel  | gone
"""


@dataclass(frozen=True, slots=True)
class Story:
    """One line of the table: a break, and the others of a link."""

    name: str
    definition: str
    kind: str
    keys: tuple[str, ...]
    action: str
    stays: bool

    @classmethod
    def read(cls, line: str) -> "Story":
        name, about, action, after = (cell.strip() for cell in line.split(" | "))
        definition, kind, key, *others = about.split(maxsplit=4)
        named = others[-1].split(",") if others else []
        keys = [key, *(n if n.startswith("wechat|") else f"wechat|{n}" for n in named)]
        full = (ticket_no(k) if k.startswith("EW") else k for k in keys)
        return cls(name, definition, kind, tuple(full), action, after == "there")


TABLE = [Story.read(line.replace(" + ", " plus ").replace("plus ", "")) for line in STORIES.strip().splitlines()[1:]]


def town() -> House:
    """A day on which each story has happened to an order of its own."""
    house = House()
    house.heeding = False
    house.channel(sale("web", "EW10000001", at("09:00"), fare=2500000))
    house.hub(sale("web", "EW10000002", at("09:10"), coach="05"))
    for told, fare in ((house.hub, 10000), (house.channel, 10150)):
        ticket = issued(content("EW10000003", "web", fare), at("09:20"))
        told(tell("web", "EW10000003", at("09:20"), [ticket, captured("4203", 10000, at("09:20"))]))
    for number in (4, 6, 7, 8):
        ticket = issued(content(f"EW1000000{number}", "web"), at(f"10:{number}0"[:5]))
        paid = captured(f"420{number}", 10000, at("10:00"))
        house.both(tell("web", f"EW1000000{number}", at("10:00"), [ticket, paid]))
    bill_of(house)
    found = [m for m in movements_of(house) if m[1] != "4207"]
    also = [
        ("capture", "42W10000001", "EW10000001", 2500000, at("09:00")),
        ("refund", "R4", "EW10000004", 900, at("11:00")),
        ("capture", "4205", "", 700, at("11:10")),
        ("capture", "4206B", "EW10000006", 10000, at("11:20")),
        ("capture", "4207A", "EW10000007", 6000, at("11:30")),
        ("capture", "4207B", "EW10000007", 4000, at("11:40")),
        ("refund", "R8", "EW10000008", 300, at("11:50")),
    ]
    house.statements["wechat"] = [("bill.csv", wechat_bill([*found, *also]))]
    return house


@pytest.fixture
def recon(pool: Pool, tmp_path: Path) -> Reconciler:
    made = reconciler(pool, town(), Clock(), tmp_path)
    made.run_day(DAY, NAMES)
    return made


NOT_HEEDED = {("hub-web", "MISSING_IN_CHANNEL", key) for key in (ticket_no("EW10000002"), "wechat|4206B", "wechat|R8")}
"""What the web has not heard of: it does not listen on this day, neither to the hub nor to what is set right there."""

Seen = tuple[str, str, str, int, str, str]


def unsettled(recon: Reconciler) -> list[Seen]:
    """What is open now, with both sides' values."""
    records = recon.cases.every_break(BreakFilter(business_date=DAY))
    return sorted(
        (r["definition"], r["kind"], r["key"], r["amount_at_stake"], str(r["left_value"]), str(r["right_value"]))
        for r in records
        if r["state"] in {"open", "left"}
    )


def breaks_of(recon: Reconciler, story: Story) -> list[UUID]:
    records = recon.cases.every_break(BreakFilter(business_date=DAY, definition=story.definition))
    found = {r["key"]: r["break_id"] for r in records}
    return [found[key] for key in story.keys]


def do(recon: Reconciler, story: Story) -> dict[str, Any]:
    """Anna proposes, Bert approves; above 500,000 yuan Carl would be needed too."""
    first, *others = breaks_of(recon, story)
    details = {"breaks": [str(name) for name in others]} if others else {"expense_account": "differences"}
    made = recon.resolver.propose(first, story.action, f"the story {story.name}", "anna", details)
    return recon.resolver.approve(made["resolution_id"], "bert", recon.kept_parts)


def undo(recon: Reconciler, resolution: dict[str, Any]) -> dict[str, Any]:
    made = recon.resolver.propose_undo(resolution["resolution_id"], "it was a mistake", "bert")
    return recon.resolver.approve(made["resolution_id"], "anna", recon.kept_parts)


def ties(pool: Pool) -> dict[str, int]:
    """Every account's balance in fen, once suspense is what the open breaks come to."""
    with pool.connection() as connection:
        assert suspense.check(connection) == []
        found = {balance.account: balance.amount for balance in suspense.balances(connection)}
        row = connection.execute(
            "SELECT coalesce(sum(amount_at_stake), 0) FROM recon.breaks WHERE state IN ('open', 'left')"
        ).fetchone()
    assert sum(found.values()) == 0
    assert row is not None
    assert sum(amount for name, amount in found.items() if name.startswith("suspense:")) == row[0]
    return found


def test_done_undone_and_seen_again(recon: Reconciler, pool: Pool) -> None:
    """Twice over: what was undone can be done anew, and undone anew."""
    before = unsettled(recon)
    assert {(d, kind, key) for d, kind, key, *_ in before} >= {(s.definition, s.kind, s.keys[0]) for s in TABLE}
    held = ties(pool)
    for _ in range(2):
        done = [do(recon, story) for story in TABLE]
        assert [
            (s.name, d["state"], d["outcome"]) for s, d in zip(TABLE, done, strict=True) if d["state"] != "applied"
        ] == []
        assert ties(pool)["expense:differences"] == 10000 - 10150 - 700
        recon.run_day(DAY, NAMES)
        assert {seen[:3] for seen in unsettled(recon)} == NOT_HEEDED
        ties(pool)
        # What was told again and not heeded is open again by itself: there is nothing left to undo but the words.
        undone = [undo(recon, d) for d in done]
        assert [u["state"] for u in undone] == ["applied"] * len(TABLE)
        assert {seen[:3] for seen in unsettled(recon)} >= {(s.definition, s.kind, s.keys[0]) for s in TABLE}
        ties(pool)
        recon.run_day(DAY, NAMES)
        assert unsettled(recon) == before
        assert ties(pool) == held


def test_every_act_is_in_the_audit_chain(recon: Reconciler, pool: Pool) -> None:
    undo(recon, do(recon, TABLE[3]))
    with pool.connection() as connection:
        rows = connection.execute("SELECT actor, action FROM hub.audit ORDER BY position").fetchall()
        assert Audit(bytes(32)).verify(connection) == (len(rows), None)
    acts = [row for row in rows if row[0] in {"anna", "bert"}]
    assert acts == [
        ("anna", "recon.propose"), ("bert", "recon.approve"), ("bert", "recon.undo.propose"), ("anna", "recon.approve"),
    ]  # fmt: skip


REFUSED = [
    # what is proposed -> what is said
    (TABLE[3], "push_hub", {}, "push_hub is not for ORPHAN_REFUND"),
    (TABLE[3], "guess", {}, "'guess' is no action"),
    (TABLE[6], "link", {}, "A link names the ids of other breaks"),
    (TABLE[6], "link", {"breaks": ["01890000-0000-7000-8000-000000000000"]}, "There is no break"),
]


@pytest.mark.parametrize(("story", "action", "details", "said"), REFUSED)
def test_proposals_that_cannot_be(
    recon: Reconciler, story: Story, action: str, details: dict[str, Any], said: str
) -> None:
    with pytest.raises(ProblemError, match=said):
        recon.resolver.propose(breaks_of(recon, story)[0], action, "because", "anna", details)


def test_a_link_whose_sums_differ_needs_an_account(recon: Reconciler, pool: Pool) -> None:
    """Linked to one half only, 40 yuan of the payment are missing: the rest must go somewhere, by name."""
    first, half, _ = breaks_of(recon, TABLE[6])
    alone = {"breaks": [str(half)]}
    with pytest.raises(ProblemError, match="differ by 4000"):
        recon.resolver.propose(first, "link", "the first half", "anna", alone)
    made = recon.resolver.propose(first, "link", "the first half", "anna", alone | {"expense_account": "lost"})
    recon.resolver.approve(made["resolution_id"], "bert", recon.kept_parts)
    assert ties(pool)["expense:lost"] == 4000
    with pytest.raises(ProblemError, match="resolved"):
        recon.resolver.propose(half, "write_off", "claimed already", "anna")


def test_many_proposals_in_one_transaction(recon: Reconciler, pool: Pool) -> None:
    """Each is a row or a reason; the good ones are not lost for the bad ones."""
    from reconciliation.resolution import Draft

    claim, stray = breaks_of(recon, TABLE[3])[0], breaks_of(recon, TABLE[4])[0]
    drafts = [
        Draft(claim, "reject", "not ours"),
        Draft(claim, "write_off", "once more"),
        Draft(UUID(int=0), "reject", "nobody's"),
        Draft(stray, "accept_timing", "no"),
        Draft(stray, "write_off", "small"),
    ]
    with pool.connection() as connection:
        made = recon.resolver.propose_many(connection, drafts, "anna", at("13:00"))
    assert [m["state"] if isinstance(m, dict) else m.detail for m in made] == [
        "proposed",
        "The break stands in the list twice.",
        "There is no break 00000000-0000-0000-0000-000000000000.",
        "accept_timing is not for MISSING_IN_HUB; there are take_channel, ask_again, write_off, link, reject, leave.",
        "proposed",
    ]


def test_asking_again_is_done_when_the_answer_is_another_one(recon: Reconciler) -> None:
    """The same bytes are no answer; a corrected bill is, and the next run reads it."""
    house = recon.gatherer.ledger
    assert isinstance(house, House)
    claim = breaks_of(recon, TABLE[3])[0]

    def ask() -> dict[str, Any]:
        made = recon.resolver.propose(claim, "ask_again", "they may have corrected it", "anna")
        return recon.resolver.approve(made["resolution_id"], "bert", recon.kept_parts)

    assert (ask()["state"], recon.cases.one(claim)["state"]) == ("failed", "left")
    bill_of(house, "corrected.csv")
    assert (ask()["state"], recon.cases.one(claim)["state"]) == ("applied", "resolved")
    recon.run_day(DAY, NAMES)
    assert recon.cases.one(claim)["state"] == "cleared"


def states(recon: Reconciler, ids: Sequence[UUID]) -> list[str]:
    return [recon.cases.one(break_id)["state"] for break_id in ids]


def test_an_undo_frees_every_row_of_a_link(recon: Reconciler) -> None:
    linked = breaks_of(recon, TABLE[6])
    done = do(recon, TABLE[6])
    assert states(recon, linked) == ["resolved"] * 3
    undo(recon, done)
    assert states(recon, linked) == ["left"] * 3
    with pytest.raises(ProblemError, match="undone already"):
        recon.resolver.propose_undo(done["resolution_id"], "once more", "anna")
