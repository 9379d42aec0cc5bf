"""State machines as data: ``states/*.json``. The fold, the diagrams and the tests read the same tables.

A thing is in the state with the highest rank among its facts: so the order in which they came does not matter.
"""

import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

MACHINES = ("ticket", "payment", "refund", "change", "waitlist", "invoice")
"""The tables of things that facts move from state to state; ``order`` is derived from these by rules."""


@cache
def state_machine(name: str) -> dict[str, Any]:
    """The table ``states/<name>.json``."""
    loaded: dict[str, Any] = json.loads(files("schemas").joinpath(f"states/{name}.json").read_text(encoding="utf-8"))
    return loaded


@cache
def ranks(name: str) -> dict[str, int]:
    """state -> rank, for one machine."""
    return {state: row["rank"] for state, row in state_machine(name)["states"].items()}


@cache
def state_after(name: str) -> dict[str, str]:
    """fact -> the state it leads to, for one machine."""
    return {t["fact"]: t["to"] for t in state_machine(name)["transitions"]}


def reached(name: str, facts: Iterable[str]) -> str:
    """The state of a thing about which these facts are known; the machine's initial state when none of them counts."""
    after, rank = state_after(name), ranks(name)
    states = [after[fact] for fact in facts if fact in after]
    return max(states, key=rank.__getitem__, default=str(state_machine(name)["initial"]))


@cache
def valid_states() -> frozenset[str]:
    """Ticket states in which a ticket keeps its seat."""
    return frozenset(name for name, state in state_machine("ticket")["states"].items() if state["valid"])
