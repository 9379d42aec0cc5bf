"""The truth about the seeded faults: one list per kind, written by the simulators, read by the final scoring alone.

A line is ``{"fault", "id", "order_no", "orders", "expects": [{"where", "kind", "key"}], "resolves_by_policy"}``.
``where`` is a place in the database: ``messages``, ``repeats``, ``files``, ``disputes`` of the hub, or a definition of
reconciliation such as ``hub-web``. A ``key`` of several words stands for any one of them.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def folder(data_dir: Path) -> Path:
    return data_dir / "simulation" / "truth"


def write(data_dir: Path, entries: Iterable[dict[str, Any]]) -> None:
    """Write the lists anew, one file per kind of fault."""
    by_fault: dict[str, list[str]] = {}
    for entry in entries:
        by_fault.setdefault(entry["fault"], []).append(json.dumps(entry, ensure_ascii=False, sort_keys=True))
    target = folder(data_dir)
    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob("*.jsonl"):
        old.unlink()
    for fault, lines in by_fault.items():
        (target / f"{fault}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def note_resent(data_dir: Path, channel: str, message_id: str) -> None:
    """A channel got no answer and sends the same message again: if the hub sees it twice, that is why."""
    target = folder(data_dir)
    target.mkdir(parents=True, exist_ok=True)
    with (target / f"{channel}.resent").open("a", encoding="utf-8") as file:
        file.write(message_id + "\n")


def resent(data_dir: Path) -> set[str]:
    """The ids of all messages that were sent again for want of an answer."""
    files = folder(data_dir).glob("*.resent")
    return {line for file in files for line in file.read_text(encoding="utf-8").splitlines()}


def read(data_dir: Path) -> list[dict[str, Any]]:
    """All entries, by kind of fault. An empty list when no day was simulated here."""
    files = sorted(folder(data_dir).glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
