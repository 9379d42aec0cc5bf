"""The policy as a table: what fits which rule, and what is left for a person."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from reconciliation.definitions import definitions
from reconciliation.policies import Case, decide, parse, policy

DEFAULT = policy("default")
ALL = ("extract_part", "order", "both_sides")

TABLE = [
    # definition, kind, further, fen -> action, rule
    ("hub-web", "MISSING_IN_HUB", None, 55300, "take_channel", "message-lost"),
    ("hub-windows", "MISSING_IN_HUB", None, 2000000, "take_channel", "message-lost"),
    ("hub-windows", "MISSING_IN_HUB", None, 2000001, "leave", "message-lost"),
    ("hub-wechat", "MISSING_IN_HUB", None, 100, "leave", None),
    ("hub-web", "MISSING_IN_CHANNEL", None, 100, "leave", None),
    ("hub-agents", "STATUS", "channel", 55300, "take_channel", "channel-is-further"),
    ("hub-app", "STATUS", "hub", 55300, "push_hub", "hub-is-further"),
    ("hub-app", "STATUS", None, 55300, "leave", None),
    ("hub-web", "AMOUNT", None, 100, "write_off", "small-difference"),
    ("hub-web", "AMOUNT", None, 101, "leave", "small-difference"),
    ("hub-bank", "AMOUNT", None, 50, "write_off", "small-difference"),
    ("hub-web", "SEAT", None, 1, "leave", None),
    ("hub-wechat", "ORPHAN_REFUND", None, 1, "leave", None),
    ("hub-wechat", "DOUBLE_PAYMENT", None, 1, "leave", None),
    ("hub-wechat", "PAID_NO_TICKET", None, 1, "leave", None),
    ("hub-bank", "TICKET_NO_PAYMENT", None, 1, "leave", None),
    ("seats", "DOUBLE_SOLD_SEAT", None, 1, "leave", None),
    ("hub-web", "CONTROL_TOTAL", None, 0, "leave", None),
    ("hub-wechat", "TIMING", None, 100, "accept_timing", "timing"),
]


@pytest.mark.parametrize(("definition", "kind", "further", "fen", "action", "rule"), TABLE)
def test_rules(definition: str, kind: str, further: str | None, fen: int, action: str, rule: str | None) -> None:
    case = Case(definition, kind, further, fen, ALL)  # type: ignore[arg-type]  # the table's words are kinds
    decision = decide(DEFAULT, case, {})
    assert (decision.action, decision.rule) == (action, rule)


LOST = Case("hub-web", "MISSING_IN_HUB", None, 10000, ALL)


def test_the_days_limit() -> None:
    limit = 500_000_000
    assert decide(DEFAULT, LOST, {"message-lost": limit - 10000}).action == "take_channel"
    decision = decide(DEFAULT, LOST, {"message-lost": limit - 9999})
    assert (decision.action, "limit" in decision.reason) == ("leave", True)


def test_evidence_is_needed() -> None:
    decision = decide(DEFAULT, replace(LOST, evidence=("order",)), {})
    assert (decision.action, decision.reason) == ("leave", "evidence is missing: extract_part")


def test_three_attempts_and_no_more() -> None:
    assert decide(DEFAULT, replace(LOST, attempts=2), {}).action == "take_channel"
    assert decide(DEFAULT, replace(LOST, attempts=3), {}).action == "leave"


def test_every_definition_has_its_policy() -> None:
    assert {policy(d.policy).name for d in definitions().values()} == {"default"}
    assert {name for rule in DEFAULT.rules for name in rule.definitions} - {"*"} <= set(definitions())


RULE = """
name: x
version: "1"
rules: [{{name: a, title_zh: 甲, title_en: a, definitions: ["*"], kinds: [{kind}], action: {action}}}]
"""


@pytest.mark.parametrize(
    "wrong",
    [
        RULE.format(kind="NO", action="leave"),
        RULE.format(kind="SEAT", action="guess"),
        "name: x\nversion: '1'\nrules: []\nlimit: 3",
    ],
)
def test_a_wrong_policy_is_not_taken(wrong: str) -> None:
    with pytest.raises(ValidationError):
        parse(wrong)


def test_a_changed_rule_is_another_policy() -> None:
    text = "name: x\nversion: '1'\nattempts: {}\nrules: []"
    assert parse(text.format(2)).digest != parse(text.format(3)).digest
