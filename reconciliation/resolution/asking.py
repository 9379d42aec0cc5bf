"""Asking the other side again: its day is fetched once more, kept, and compared with what the break was found in."""

from pathlib import Path

from reconciliation.definitions import Definition
from reconciliation.ports import Channels, Outcome, SourceMissing, Statements
from reconciliation.resolution.doing import Ask
from reconciliation.resolution.records import Record
from reconciliation.vault import Vault


def ask_again(channels: Channels, statements: Statements, vault: Vault) -> Ask:
    """An answer for ``Ask`` over the ports: done when the other side has bytes that the break's run had not seen."""

    def ask(definition: Definition, record: Record) -> Outcome:
        name = definition.right.of or ""
        seen = {str(e["sha256"]) for e in record["evidence"] if e.get("side") == "right" and e.get("sha256")}
        try:
            if definition.right.source == "channel":
                kept = {_keep(vault, channels.extract(name, record["business_date"]))}
            else:
                kept = {_keep(vault, raw) for _, raw in statements.files(name, record["business_date"])}
        except SourceMissing as reason:
            return Outcome(False, "refused", str(reason))
        new = sorted(kept - seen)
        if not new:
            return Outcome(False, "unchanged", f"{name} says the same as before")
        return Outcome(True, "asked", f"{name} has {', '.join(digest[:16] for digest in new)}; the next run reads it")

    return ask


def _keep(vault: Vault, raw: bytes | Path) -> str:
    return vault.keep(raw.read_bytes() if isinstance(raw, Path) else raw)
