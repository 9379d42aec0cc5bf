"""The state machines' page and their diagrams, from `schemas/states/*.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.documentation.markdown import code, table
from schemas.states import MACHINES, state_machine

_BY = {
    "channel": "a channel",
    "processor": "a payment processor",
    "hub": "the hub itself",
    "staff": "a member of staff",
}


def states_page() -> str:
    """Every state machine as a diagram and as tables, and the statuses that are derived from them."""
    order = state_machine("order")
    rules = [(rule["when"], code(rule["then"])) for rule in order["fulfilment"]["rules"]]
    return (
        "# States\n\nA thing is in the state with the highest rank among its facts, whatever the order in which they"
        " came. Facts that cannot both be true open a dispute; both stay, each with its witnesses. Data:"
        " `schemas/states/`. Every transition below is taken by one of the [journeys](journeys.md), and a test names"
        " those that are not.\n\n"
        + "\n".join(machine_section(name) for name in MACHINES)
        + "\n## Disputes that no table shows\n\nMore disputes come from values and from the hub: `amount_differs`,"
        " `seat_differs`, `changed_twice`, `refunded_twice`, `paid_after_hold_expired`,"
        " `references_clash`, `seat_already_sold`.\n\n"
        "## Order\n\nFour statuses, independent of each other, all derived and never stored as a truth of their own."
        " Fulfilment takes the first rule that fits:\n\n"
        + table(("when", "fulfilment"), rules)
        + "\n"
        + table(
            ("status", "values"),
            [(name, ", ".join(map(code, order[name]["order"]))) for name in ("payment", "refund", "dispute")],
        )
    )


def machine_section(name: str, level: int = 2) -> str:
    """One machine: what it is, its diagram, its states, its transitions and what excludes what."""
    machine = state_machine(name)
    keeps_seat = any("valid" in state for state in machine["states"].values())
    columns = ("state", "中文", "English", "rank", *(("keeps its seat",) if keeps_seat else ()), "final")
    rows = [
        (
            code(state),
            row["zh"],
            row["en"],
            str(row["rank"]),
            *(("yes" if row.get("valid") else "",) if keeps_seat else ()),
            "yes" if row.get("final") else "",
        )
        for state, row in machine["states"].items()
    ]
    head = "#" * level
    parts = [
        f"{head} {machine['title']['en'].capitalize()} {machine['title']['zh']}\n\n{machine['$comment']}\n",
        f"```mermaid\n{diagram(machine)}```\n",
        table(columns, rows),
        table(("fact", "from", "to", "who says so", "only if"), [_transition(row) for row in machine["transitions"]]),
    ]
    if machine["exclusions"]:
        clashes = [(" and ".join(map(code, rule["facts"])), code(rule["dispute"])) for rule in machine["exclusions"]]
        parts.append(table(("facts that exclude each other", "dispute"), clashes))
    return "\n".join(parts)


def _transition(row: Mapping[str, Any]) -> tuple[str, ...]:
    by = ", ".join(_BY[who] for who in row["by"])
    return code(row["fact"]), ", ".join(map(code, row["from"])), code(row["to"]), by, row.get("guard", "")


def diagram(machine: Mapping[str, Any]) -> str:
    """The transitions as a Mermaid state diagram. Source: mermaid.js.org, "State diagrams"."""
    lines = ["stateDiagram-v2", f"    [*] --> {machine['initial']}"]
    for transition in machine["transitions"]:
        verb = transition["fact"].split(".", 1)[1]
        lines += [f"    {origin} --> {transition['to']}: {verb}" for origin in transition["from"]]
    lines += [f"    {name} --> [*]" for name, state in machine["states"].items() if state.get("final")]
    return "\n".join(lines) + "\n"
