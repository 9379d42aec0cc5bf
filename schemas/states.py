"""State machines as data: ``states/*.json``. The fold, the diagrams and the tests read the same table."""

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def state_machine(name: str) -> dict[str, Any]:
    """The table ``states/<name>.json``."""
    loaded: dict[str, Any] = json.loads(files("schemas").joinpath(f"states/{name}.json").read_text(encoding="utf-8"))
    return loaded


@cache
def ticket_rank() -> dict[str, int]:
    """state -> rank; the highest rank among a ticket's facts is its state."""
    return {name: state["rank"] for name, state in state_machine("ticket")["states"].items()}


@cache
def state_after() -> dict[str, str]:
    """ticket fact -> the state it leads to."""
    return {t["fact"]: t["to"] for t in state_machine("ticket")["transitions"]}


@cache
def valid_states() -> frozenset[str]:
    """States in which a ticket keeps its seat."""
    return frozenset(name for name, state in state_machine("ticket")["states"].items() if state["valid"])
