"""JSON (RFC 8259): one object per message; columns are named by their paths, places are JSON pointers (RFC 6901)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from adapters.kit.decoding import decode_json
from adapters.kit.lines import split_lines
from adapters.kit.refusing import Losses, refusal
from adapters.kit.tables.wires.port import Frame, Native, Sheet
from adapters.kit.tables.wires.trees import Leaves, TreeRows, leaves
from hub.ports import Part
from schemas.observation import Rejection


@dataclass(frozen=True)
class Json(TreeRows):
    """The wire. ``rows``: the path of the list whose objects are the rows (``tickets``); without it a message is one.

    A day's extract is one message per line (NDJSON).
    """

    rows: str = ""
    media_type: str = "application/json"

    def read(self, raw: bytes, frame: Frame) -> Sheet:
        message = decode_json(raw, frame.system, frame.maximum, frame.tables)
        losses = message.losses
        head = Leaves(leaves(message.fields, self.rows), "", losses, frame.system, frame.tables)
        if not self.rows:
            return Sheet(head, [Leaves({}, "", losses, frame.system)])
        found = _within(message.fields, self.rows)
        if not isinstance(found, list) or not 1 <= len(found) <= self.most_rows:
            detail = f"{self.rows} is no list of 1 to {self.most_rows} objects"
            raise refusal("message_malformed", f"/{self.rows}", detail, expected="list")
        rows = []
        for index, item in enumerate(found):
            if not isinstance(item, dict):
                raise refusal("message_malformed", f"/{self.rows}/{index}", "no object", expected="object", found=item)
            fields = {f"{self.rows}/{path}": value for path, value in leaves(item).items()}
            rows.append(Row(fields, f"/{self.rows}/{index}", losses, frame.system, frame.tables))
        return Sheet(head, list(rows))

    def write(self, head: Native, rows: Sequence[Native], frame: Frame, losses: Losses) -> bytes:
        content = _tree(head)
        if self.rows:
            items = [_tree({self.own_path(name): value for name, value in row.items()}) for row in rows]
            _put(content, self.rows, items)
        return msgspec.json.encode(content)

    def split(self, raw: bytes, frame: Frame) -> Sequence[Part] | Rejection:
        return split_lines(raw)


class Row(Leaves):
    """One object of the list: its fields keep the path of the list in their names, their places have its index."""

    __slots__ = ()

    def at(self, name: str) -> str:
        place = self.pointer.rpartition("/")[0].removeprefix("/")
        return f"{self.pointer}/{name.removeprefix(f'{place}/')}"


def _within(value: Any, path: str) -> object:
    for step in path.split("/"):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _tree(values: Native) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for path, value in values.items():
        _put(content, path, value)
    return content


def _put(content: dict[str, Any], path: str, value: object) -> None:
    *steps, last = path.split("/")
    for step in steps:
        content = content.setdefault(step, {})
    content[last] = value
