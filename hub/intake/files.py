"""Dropped files: accepted once, refused whole when their totals are wrong, taken up again after a crash.

drop/<channel>/NAME.writing   being written: not ours yet
drop/<channel>/NAME           complete: taken
drop/<channel>/done/NAME      accepted or known already, with NAME.receipt.json
drop/<channel>/refused/NAME   refused, with NAME.receipt.json that says why

A row of an accepted file that is refused is listed in the receipt and kept with the file for the operators. Its number
is free as long as nothing was ever taken under it: the corrected row may come in a later file.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from hub.intake.intake import Intake, Pool
from hub.intake.receipts import Receipt
from hub.intake.rows import Rows
from hub.intake.shelf import file_away, sweep, waiting
from hub.ports import Adapter, Part, Splitting
from hub.store import files, messages
from schemas.observation import Rejection
from schemas.problems import Pointer, problem

log = logging.getLogger(__name__)

FILE_BYTES_MAX = 256 * 1024 * 1024
CORRECTIONS_MAX = 9
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
        bytes_max: int = FILE_BYTES_MAX,
    ) -> None:
        self._folder = folder
        self._intake = intake
        self._pool = pool
        self._adapters = adapters
        self._clock = clock
        self._bytes_max = bytes_max

    def take_all(self, channel: str) -> int:
        """Take every complete file of a channel, oldest name first; returns how many. One process at a time."""
        adapter = self._adapters[channel]
        inbox = self._folder / channel
        if not isinstance(adapter, Splitting) or not inbox.is_dir():
            return 0
        paths = waiting(inbox)
        if not paths:
            return 0
        with self._pool.connection() as connection:
            if not files.lock(connection, channel):
                return 0
            return sum(self._take(channel, adapter, path) for path in paths)

    def sweep(self, channel: str, now: datetime, keep: timedelta) -> int:
        """Delete files of this channel filed longer than ``keep`` ago; ``now`` is the wall clock's.

        Of an accepted file the ledger keeps every transaction, sealed; of a refused one its name, digest and reason.
        """
        return sweep(self._folder / channel, now - keep)

    def _take(self, channel: str, adapter: Splitting, path: Path) -> int:
        try:
            size = path.stat().st_size
            raw = path.read_bytes() if size <= self._bytes_max else None
            digest = _digest(path, raw)
        except OSError as error:
            log.warning("file %r of %s cannot be read: %s", path.name, channel, error)
            return 0
        name = path.name.encode("utf-8", "backslashreplace").decode()
        row = files.FileRow(channel, name, digest, size, "accepted", 0, None, self._clock())
        try:
            receipt = self._outcome(adapter, row, raw)
        except psycopg.OperationalError:
            receipt = None
        if receipt is None:
            log.warning("file %r of %s waits: the ledger cannot be written", path.name, channel)
            return 0
        try:
            file_away(path, receipt)
        except OSError as error:  # a full disk: its rows are safe, and the next round answers as for a repeat
            log.warning("file %r of %s is taken, but cannot be filed away: %s", path.name, channel, error)
            return 0
        return 1

    def _outcome(self, adapter: Splitting, row: files.FileRow, raw: bytes | None) -> dict[str, Any] | None:
        """The file's receipt; None when the ledger cannot be written now and the file must stay."""
        with self._pool.connection() as connection:
            first = files.accepted(connection, row.channel, row.digest)
            if first is not None:
                return files.record(connection, row.became("duplicate", refused=first.problem)) | {"first": first.said}
        parts = _split(adapter, raw) if raw is not None else _too_large(row.size_bytes, self._bytes_max)
        if isinstance(parts, Rejection):
            with self._pool.connection() as connection:
                return files.record(connection, row.became("refused", refused=_problem_of(parts)))
        rows = self._take_parts(row.channel, list(parts))
        if rows is None:
            return None
        refused = rows.problem.model_dump(mode="json") if rows.problem else None
        with self._pool.connection() as connection:
            receipt = files.record(connection, row.became("accepted", messages=len(parts), refused=refused))
        return receipt | rows.receipt()

    def _take_parts(self, channel: str, parts: Sequence[Part]) -> Rows | None:
        """What became of the messages of the file; None when one was not taken for a reason of ours."""
        rows = Rows()
        for start in range(0, len(parts), _BATCH):
            batch = [
                Receipt(channel, p.message_id, p.raw, "file", self._clock()) for p in parts[start : start + _BATCH]
            ]
            answers = self._intake.take(self._renumbered(batch))
            if any(answer.status >= 500 for answer in answers):
                return None
            for part, answer in zip(parts[start : start + _BATCH], answers, strict=True):
                rows.add(part, answer)
        return rows

    def _renumbered(self, receipts: list[Receipt]) -> list[Receipt]:
        """Rows whose number was only ever refused, under an id that is free: ``<id>~2`` and so on.

        A row's id is its place in its shift, so a corrected row comes under the id of the one that was refused.
        """
        with self._pool.connection() as connection:
            known = messages.known(connection, [receipt.key for receipt in receipts])
            again = [r for r in receipts if (seen := known.get(r.key)) and _was_refused(seen, r.digest)]
            if not again:
                return receipts
            keys = [(r.channel, name) for r in again for name in _later(r.message_id)]
            known |= messages.known(connection, keys)
        names = {id(r): _free(r, known) for r in again}
        return [replace(r, message_id=names[id(r)]) if id(r) in names else r for r in receipts]


def _digest(path: Path, raw: bytes | None) -> bytes:
    """SHA-256 of what was read, or of a file too large to read at once."""
    if raw is not None:
        return hashlib.sha256(raw).digest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _later(message_id: str) -> list[str]:
    return [f"{message_id}~{number}" for number in range(2, CORRECTIONS_MAX + 1)]


def _was_refused(seen: messages.Known, digest: bytes) -> bool:
    return seen.digest != digest and seen.answer.get("outcome") == "refused"


def _free(receipt: Receipt, known: Mapping[tuple[str, str], messages.Known]) -> str:
    """The first of a row's ids that is free or already these bytes'; its own once something was taken under one."""
    for name in _later(receipt.message_id):
        seen = known.get((receipt.channel, name))
        if seen is None or not _was_refused(seen, receipt.digest):
            return name
    return receipt.message_id


def _split(adapter: Splitting, raw: bytes) -> Sequence[Part] | Rejection:
    try:
        return adapter.split(raw)
    except Exception:
        # Adapters of strangers run here too; a file that breaks one must not come again every second.
        log.exception("the adapter failed on a file")
        return Rejection(code="message_malformed", detail="The adapter failed on this file.", pointer="/")


def _too_large(size: int, most: int) -> Rejection:
    detail = f"the file has {size} bytes, at most {most} are read"
    return Rejection(code="message_too_large", detail=detail, pointer=f"byte {most + 1}", expected=f"{most} bytes")


def _problem_of(rejection: Rejection) -> dict[str, Any]:
    place = Pointer(
        pointer=rejection.pointer, expected=rejection.expected, found=rejection.found, example=rejection.example
    )
    return problem(rejection.code, rejection.detail, (place,)).model_dump(mode="json")
