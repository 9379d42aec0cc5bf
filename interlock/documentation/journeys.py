"""The journeys' page: whole stories for people who know the railway and its money, not its programs."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from interlock.documentation.markdown import code, table
from schemas.codes import code_list
from schemas.examples import examples
from schemas.problems import catalogue
from schemas.states import MACHINES, state_machine

_SPEAKERS = {
    "hub": ("枢纽", "the hub"),
    "reconciliation": ("对账", "reconciliation"),
    "console": ("控制台", "the console"),
}
_MODES = {"ask": "asks 请求", "tell": "tells 告知"}
_STATUSES = {
    "incomplete": ("不完整", "incomplete"),
    "waitlisted": ("候补中", "waitlisted"),
    "held": ("已占座", "held"),
    "issued": ("已出票", "issued"),
    "partly_used": ("部分使用", "partly used"),
    "used": ("已使用", "used"),
    "ended": ("已终止", "ended"),
    "unpaid": ("未支付", "unpaid"),
    "partly_paid": ("部分支付", "partly paid"),
    "paid": ("已支付", "paid"),
    "overpaid": ("多付", "overpaid"),
    "owed": ("待退款", "refund owed"),
    "partly_refunded": ("部分退款", "partly refunded"),
    "refunded": ("已退款", "refunded"),
    "open": ("争议中", "disputed"),
    "resolved": ("争议已裁定", "dispute resolved"),
}


def journeys_page() -> str:
    """Every journey as a table: who said what, what was decided, how the order stands then."""
    stories = examples("journeys")
    parts = [
        "# Journeys\n\nWhole stories of single orders, told by channels, payment processors and the hub itself, as the"
        " ledger decides them. All people are invented. After each step stands the order: its statuses, its tickets"
        " (the last characters of the number), its money, and what the passenger owes (minus: is owed). The stories are"
        " `schemas/examples/journeys/`, with every message in full; a test replays each through the real ledger, and in"
        " shuffled order too. Words of the states: [states](states.md).\n",
        "\n".join(f"- [{story['title']['zh']} {story['title']['en']}](#{name})" for name, story in stories.items()),
        "",
    ]
    parts += [_story(name, story) for name, story in stories.items()]
    return "\n".join(parts)


def _story(name: str, story: Mapping[str, Any]) -> str:
    rows = [
        (str(number), _speaker(step), _both(step["says"]), _outcome(step), _order(step["then"]))
        for number, step in enumerate(story["steps"], 1)
    ]
    source = f"../../schemas/examples/journeys/{name}.json"
    return (
        f"## {name}\n\n**{story['title']['zh']} {story['title']['en']}**\n\n{story['shows']['zh']}"
        f" {story['shows']['en']} [Messages]({source})\n\n"
        + table(("", "channel 渠道", "what was said 内容", "outcome 结果", "the order then 订单状态"), rows)
    )


def _both(words: Mapping[str, str]) -> str:
    return f"{words['zh']}<br>{words['en']}"


def _speaker(step: Mapping[str, Any]) -> str:
    channel = step["channel"]
    names = code_list("sales_channel")
    zh, en = _SPEAKERS.get(channel) or (names.label(channel, "zh"), names.label(channel))
    at = step["observation"]["occurred_at"]
    return f"{zh} {en}<br>{at[5:10]} {at[11:16]}<br>{_MODES[step['observation']['mode']]}"


def _outcome(step: Mapping[str, Any]) -> str:
    rows = csv.DictReader(files("schemas").joinpath("code_lists/outcomes.csv").read_text(encoding="utf-8").splitlines())
    zh = {row["code"]: row["zh"] for row in rows}[step["outcome"]]
    parts = [f"**{zh} {step['outcome']}**"]
    if refused := step.get("refused"):
        row = catalogue()[refused]
        parts.append(f"{row['zh']}<br>{row['title']}")
    if event := step.get("event"):
        parts.append(code(event))
    return "<br>".join(parts)


def _order(then: Mapping[str, Any]) -> str:
    if not then:
        return "(nothing is known 无记录)"
    return "<br>".join(_lines(then))


def _lines(then: Mapping[str, Any]) -> Iterator[str]:
    statuses = [then[name] for name in ("fulfilment", "payment", "refund", "dispute") if then[name] != "none"]
    yield "**" + " · ".join("{} {}".format(*_STATUSES[status]) for status in statuses) + "**"
    for machine in MACHINES:
        for subject, state in then.get(f"{machine}s", {}).items():
            yield f"{_word(machine)} {_short(machine, subject)}: {_state(machine, state)}"
    for pickup in then.get("pickups", ()):
        yield f"取票 pick-up {pickup}"
    for dispute, state in then.get("disputes", {}).items():
        kind = dispute.split("|")[0].replace("_", " ")
        yield f"争议 dispute: {kind} ({'待裁定 open' if state == 'open' else '已裁定 resolved'})"
    yield f"余额 balance {then['balance']}"


def _word(machine: str) -> str:
    title = state_machine(machine)["title"]
    return f"{title['zh']} {title['en']}"


def _short(machine: str, subject: str) -> str:
    """Of a number what tells it from the others of its order."""
    if machine in {"ticket", "change"}:
        return f"…{subject[10:]}"
    return subject.replace(":", " ")


def _state(machine: str, said: str) -> str:
    """The state in both languages; what stands behind its comma is a note."""
    state, comma, note = said.partition(",")
    row = state_machine(machine)["states"][state]
    return f"{row['zh']} {row['en']}{comma}{note}"
