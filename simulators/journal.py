"""A channel system's append-only journal: what it did, what it was answered, what it was told. It restarts from it."""

import base64
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Journal:
    """One JSON line per event. Nothing is fsynced: a simulator survives its own end, not the machine's."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = path.open("a", encoding="utf-8")

    def note(self, kind: str, **detail: Any) -> None:
        """Append one event."""
        self._file.write(json.dumps({"kind": kind, **detail}, ensure_ascii=False) + "\n")
        self._file.flush()

    def heard(self, event_id: str, body: bytes) -> None:
        """A delivery of the hub, as it came."""
        packed = base64.b64encode(zlib.compress(body, 1)).decode()
        self.note("heard", id=event_id, body=packed)

    def read(self) -> Iterator[dict[str, Any]]:
        """All events so far; a last line that was cut off is none."""
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                event: dict[str, Any] = json.loads(line)
            except json.JSONDecodeError:
                return
            if event["kind"] == "heard":
                event["body"] = zlib.decompress(base64.b64decode(event["body"]))
            yield event

    def close(self) -> None:
        self._file.close()
