"""Dropped files: accepted once, refused whole when their totals are wrong, taken up again after a crash.

drop/<channel>/NAME.writing   being written: not ours yet
drop/<channel>/NAME           complete: taken
drop/<channel>/done/NAME      accepted or known already, with NAME.receipt.json
drop/<channel>/refused/NAME   refused, with NAME.receipt.json that says why
"""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from hub.intake.intake import Intake, Pool
from hub.intake.receipts import Receipt
from hub.ports import Adapter, Part, Splitting
from hub.store import files
from schemas.observation import Rejection
from schemas.problems import Pointer, problem

log = logging.getLogger(__name__)

FILE_BYTES_MAX = 256 * 1024 * 1024
_BATCH = 200


class FileDrop:
    """Takes what lies in ``folder``/<channel>. Safe to run twice: a file's messages and its receipt are idempotent."""

    def __init__(
        self,
        folder: Path,
        intake: Intake,
        pool: Pool,
        adapters: Mapping[str, Adapter],
        clock: Callable[[], datetime],
    ) -> None:
        self._folder = folder
        self._intake = intake
        self._pool = pool
        self._adapters = adapters
        self._clock = clock

    def take_all(self, channel: str) -> int:
        """Take every complete file of a channel, oldest name first; returns how many. One process at a time."""
        adapter = self._adapters[channel]
        inbox = self._folder / channel
        if not isinstance(adapter, Splitting) or not inbox.is_dir():
            return 0
        names = sorted(p.name for p in inbox.iterdir() if p.is_file() and not p.name.endswith(".writing"))
        if not names:
            return 0
        with self._pool.connection() as connection:
            if not files.lock(connection, channel):
                return 0
            taken = 0
            for name in names:
                taken += self._take(channel, adapter, inbox / name)
        return taken

    def _take(self, channel: str, adapter: Splitting, path: Path) -> int:
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return 0
        digest = hashlib.sha256(raw).digest()
        receipt = self._outcome(channel, adapter, path.name, raw, digest)
        if receipt is None:
            return 0
        self._file_away(path, receipt)
        return 1

    def _outcome(self, channel: str, adapter: Splitting, name: str, raw: bytes, digest: bytes) -> dict[str, Any] | None:
        """The file's receipt; None when the ledger cannot be written now and the file must stay."""
        row = files.FileRow(channel, name, digest, len(raw), "accepted", 0, None, self._clock())
        try:
            with self._pool.connection() as connection:
                if files.is_accepted(connection, channel, digest):
                    return files.record(connection, row.became("duplicate"))
            parts = adapter.split(raw)
            if isinstance(parts, Rejection):
                refusal = _problem_of(parts)
                with self._pool.connection() as connection:
                    return files.record(connection, row.became("refused", refused=refusal))
            if not self._take_parts(channel, list(parts)):
                return None
            with self._pool.connection() as connection:
                return files.record(connection, row.became("accepted", messages=len(parts)))
        except psycopg.OperationalError:
            log.warning("file %s of %s waits: the ledger cannot be written", name, channel)
            return None

    def _take_parts(self, channel: str, parts: list[Part]) -> bool:
        """All messages of the file; False when one was not taken for a reason of ours."""
        for start in range(0, len(parts), _BATCH):
            now = self._clock()
            batch = [Receipt(channel, p.message_id, p.raw, "file", now) for p in parts[start : start + _BATCH]]
            if any(answer.status >= 500 for answer in self._intake.take(batch)):
                return False
        return True

    def _file_away(self, path: Path, receipt: dict[str, Any]) -> None:
        """Receipt first, then the move: who sees the receipt may act on it, and a crash between them repeats both."""
        shelf = path.parent / ("refused" if receipt["outcome"] == "refused" else "done")
        shelf.mkdir(exist_ok=True)
        draft = shelf / f".{path.name}.receipt"
        draft.write_text(json.dumps(receipt, ensure_ascii=False, indent=2), encoding="utf-8")
        draft.rename(shelf / f"{path.name}.receipt.json")
        path.rename(shelf / path.name)


def _problem_of(rejection: Rejection) -> dict[str, Any]:
    place = Pointer(
        pointer=rejection.pointer, expected=rejection.expected, found=rejection.found, example=rejection.example
    )
    return problem(rejection.code, rejection.detail, (place,)).model_dump(mode="json")
