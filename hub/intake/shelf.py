"""Where dropped files go when they have been taken: beside their receipts, for as long as the operator wants them."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

DONE, REFUSED = "done", "refused"
_WRITING = ".writing"


def waiting(inbox: Path) -> list[Path]:
    """Complete files, oldest name first. Not ours: what is being written, hidden names, and links to elsewhere."""
    found = [
        path
        for path in inbox.iterdir()
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".") and path.suffix != _WRITING
    ]
    return sorted(found, key=lambda path: path.name)


def file_away(path: Path, receipt: dict[str, Any]) -> None:
    """Receipt first, then the move: who sees the receipt may act on it, and a crash between them repeats both.

    An earlier receipt of the same name on the other shelf goes: it would answer for a file that is no longer there.
    """
    here, there = (REFUSED, DONE) if receipt["outcome"] == "refused" else (DONE, REFUSED)
    shelf = path.parent / here
    shelf.mkdir(exist_ok=True)
    name = f"{path.name}.receipt.json"
    draft = shelf / f".{path.name}.receipt"
    draft.write_text(json.dumps(receipt, ensure_ascii=False, indent=2), encoding="utf-8")
    (path.parent / there / name).unlink(missing_ok=True)
    draft.rename(shelf / name)
    path.rename(shelf / path.name)


def sweep(inbox: Path, before: datetime) -> int:
    """Delete filed files and receipts that were filed before ``before``; returns how many.

    Dropped files are plain text with people's names and numbers. A file is as old as its receipt.
    """
    gone = 0
    for shelf in (inbox / DONE, inbox / REFUSED):
        for receipt in shelf.glob("*.receipt.json"):
            if receipt.stat().st_mtime < before.timestamp():
                receipt.with_name(receipt.name.removesuffix(".receipt.json")).unlink(missing_ok=True)
                receipt.unlink()
                gone += 1
    return gone
