"""The policy as a table: what fits which rule, and what is left for a person."""

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

import reconciliation
from reconciliation.definitions import definitions
from reconciliation.kinds import KINDS
from reconciliation.policies import (
    ACTION_NAMES,
    ACTIONS,
    Case,
    PolicyAction,
    actions_for,
    decide,
    findings,
    parse,
    policy,
)
from reconciliation.policies.schema import SCHEMA_NAME, published, schema_text

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


LIMITS = """
what is spent of the rule | there  | breaks | the next 100 fen
0                         | 0      | 0      | write_off
900                       | 0      | 0      | write_off
901                       | 0      | 0      | the day's limit of 1000 fen is used up (901 fen)
400                       | 401    | 0      | the day's limit of 500 fen is used up there (401 fen)
400                       | 0      | 7      | the day's limit of 7 breaks is used up
"""


@pytest.mark.parametrize("line", LIMITS.strip().splitlines()[1:])
def test_limits_per_day_per_pair_and_per_count(line: str) -> None:
    spent, there, breaks, said = (cell.strip() for cell in line.split("|"))
    limits = {"limit_per_day": 1000, "limit_per_day_each": 500, "items_per_day": 7}
    rule = next(r for r in DEFAULT.rules if r.name == "small-difference").model_copy(update=limits)
    used = {rule.name: int(spent), f"{rule.name}@hub-web": int(there), f"{rule.name}#": int(breaks)}
    case = Case("hub-web", "AMOUNT", None, 100, ALL)
    decision = decide(DEFAULT.model_copy(update={"rules": (rule,)}), case, used)
    assert said in {decision.action, decision.reason}


ODD = """
name: x
version: "1"
approvals: [{above: 100, people: 3}, {above: 50, people: 2}]
rules:
  - {name: all, title_zh: 甲, title_en: all, definitions: ["hub-*"], kinds: [AMOUNT, FEE], action: leave}
  - {name: one, title_zh: 乙, title_en: one, definitions: [hub-web], kinds: [AMOUNT], action: leave}
  - {name: one, title_zh: 丙, title_en: one, definitions: [hub-moon], kinds: [SEAT], action: refund}
  - {name: give, title_zh: 丁, title_en: give, definitions: ["*"], kinds: [CURRENCY], action: write_off,
     limit_per_item: 3, limit_per_day: 2}
"""


def test_what_is_odd_about_a_policy_is_said_at_once() -> None:
    found = [f"{f.place}: {f.detail}" for f in findings(parse(ODD), definitions())]
    assert found == [
        "rules[1] one: all, which stands before it, takes everything that it covers",
        "rules[2] one: no definition is called hub-moon",
        "rules[2] one: refund is not for SEAT",
        "rules[3] give: a write-off needs expense_account and reason_code",
        "rules[3] give: the limit of one item is above the day's",
        "rules: one stands there twice",
        "approvals: the amounts must rise from row to row",
    ]
    assert findings(DEFAULT, definitions()) == []


@pytest.mark.parametrize(("fen", "people"), [(0, 2), (100, 2), (50_000_000, 2), (50_000_001, 3)])
def test_more_money_takes_more_people(fen: int, people: int) -> None:
    assert DEFAULT.people_for(fen) == people


def test_the_published_schema_is_the_models(request: pytest.FixtureRequest) -> None:
    """``--write-golden`` writes it."""
    if request.config.getoption("--write-golden"):
        path = Path(reconciliation.__file__).parent / "policies" / SCHEMA_NAME
        path.write_text(schema_text(), encoding="utf-8")
    assert published() == schema_text()


def test_every_kind_has_an_action_and_every_action_a_kind() -> None:
    assert [kind for kind in KINDS if not actions_for(kind)] == []
    assert {name for kind in KINDS for name in actions_for(kind)} == set(ACTION_NAMES)
    may = {row.name for row in ACTIONS.values() if row.by_policy}
    assert may == set(get_args(PolicyAction))


def test_the_kinds_page_names_only_actions_that_there_are() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "breaks.md").read_text(encoding="utf-8")
    sections = re.findall(r"^### (\w+) [^\n]*\n(.*?)(?=^### |\Z)", page, re.DOTALL | re.MULTILINE)
    named = {(kind, word) for kind, text in sections for word in re.findall(r"`(\w+)`", text) if word in ACTIONS}
    assert {kind for kind, _ in sections} == set(KINDS)
    assert sorted((kind, word) for kind, word in named if kind not in ACTIONS[word].kinds) == []
