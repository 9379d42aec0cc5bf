"""A search of everything that the processes of a day have written down for its people and its secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from simulators.plan import Plan

_TOKEN = re.compile(
    r"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}|whs(?:ec|k)_[A-Za-z0-9+/=]{20,}|(?i:bearer [a-z0-9._-]{16,})"
)
_SECRET = re.compile(r'"(?:client_)?secret"\s*:\s*"([^"]{16,})"')
_PRIVATE_KEY = re.compile(r'\\"d\\":\s*\\"([A-Za-z0-9_-]{40,})')  # of a JWK, written as text inside JSON


def named_in_logs(data_dir: Path, plan: Plan) -> list[str]:
    """``file:line what`` for every personal number, name and secret in the logs; what it was is not repeated."""
    never = {word: "somebody's number or name" for word in people_of(plan)}
    never |= dict.fromkeys(secrets_of(data_dir), "a secret")
    words = re.compile("|".join(re.escape(word) for word in sorted(never, key=len, reverse=True)))
    found: list[str] = []
    logs = sorted((data_dir / "logs").rglob("*.log"))
    assert logs, "something was logged"
    for log in logs:
        for number, line in enumerate(log.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if match := words.search(line):
                found.append(f"{log.name}:{number} {never[match[0]]}")
            elif _TOKEN.search(line):
                found.append(f"{log.name}:{number} a token or a secret by its form")
    return found


def people_of(plan: Plan) -> set[str]:
    """Document numbers, telephones (in both spellings) and names of everybody who travels on the day."""
    orders = (step.act.order for steps in plan.steps.values() for step in steps)
    found: set[str] = set()
    for ticket in (ticket for order in orders for ticket in order.tickets):
        found |= {ticket.name, ticket.document_no, ticket.phone, ticket.phone.removeprefix("+86")}
    return {word for word in found if len(word) > 1}


def secrets_of(data_dir: Path) -> Iterator[str]:
    """The keys of the installation, and what its channels share with it."""
    for key in (data_dir / "keys").iterdir():
        yield key.read_text(encoding="ascii").strip()
    for file in (data_dir / "simulation").rglob("*.json"):
        text = file.read_text(encoding="utf-8", errors="replace")
        yield from _SECRET.findall(text)
        yield from _PRIVATE_KEY.findall(text)
