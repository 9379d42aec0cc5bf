"""Code lists: CSV cross-walks between our codes and each channel's, looked up, never if-chained.

Columns: ``code, zh, en, since, deprecated, web, app, phone, agents, windows, osdm, netex``. A channel's cell may hold
several native spellings separated by ``|``; the first is the one we write, all are read. Every list has a member
``unknown`` for what nobody has told us yet. A channel of another package has no column: it brings a table of its own
in its profile, or speaks our codes.

>>> code_list("seat_class").read("web", "O")
'second'
>>> code_list("seat_class").write("phone", "second")
'二等座'
"""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

UNKNOWN = "unknown"


class CodeList:
    """One cross-walk. ``read`` and ``write`` answer None for what the list does not know."""

    def __init__(self, name: str, rows: list[dict[str, str]]) -> None:
        self.name = name
        self.rows = rows
        self._by_code = {row["code"]: row for row in rows}
        self._read: dict[str, dict[str, str]] = {}
        self._write: dict[str, dict[str, str]] = {}
        for system in rows[0].keys() - {"code", "zh", "en", "since", "deprecated"}:
            spellings = {row["code"]: [s for s in (row[system] or "").split("|") if s] for row in rows}
            self._read[system] = {s: code for code, native in spellings.items() for s in native}
            self._write[system] = {code: native[0] for code, native in spellings.items() if native}
        labels = ("zh", "en", "code")  # the code last: it wins where a label of another row is spelled alike
        self._own = {row[name]: row["code"] for name in labels for row in rows if row.get(name)}

    def read(self, system: str, native: str, override: Mapping[str, str] | None = None) -> str | None:
        """Our code for a channel's ``native`` spelling; ``override`` is a connection's own table, asked first.

        A system that has neither column nor table is read as speaking our codes, or their labels.
        """
        if override is None:
            return self._read.get(system, self._own).get(native)
        if native in override:
            return override[native]
        return self._read.get(system, {}).get(native)

    def write(self, system: str, code: str, override: Mapping[str, str] | None = None) -> str | None:
        """A channel's spelling of our ``code``; the code itself for a system that has neither column nor table.

        None when the connection's own table reads the column's spelling as something else: never two meanings.
        """
        if override is not None:
            for native, ours in override.items():
                if ours == code:
                    return native
        if system not in self._write:
            return code if override is None and code in self else None
        spelling = self._write[system].get(code)
        taken = override is not None and spelling in override
        return None if taken else spelling

    def has_column(self, system: str) -> bool:
        """Whether the list knows this channel's spellings."""
        return system in self._read

    def label(self, code: str, language: str = "en") -> str:
        """The words a person reads; the code itself when the list does not have it."""
        row = self._by_code.get(code)
        return row[language] if row else code

    def __contains__(self, code: str) -> bool:
        return code in self._by_code


@cache
def code_list(name: str) -> CodeList:
    """The cross-walk ``code_lists/<name>.csv``."""
    text = files("schemas").joinpath(f"code_lists/{name}.csv").read_text(encoding="utf-8")
    return CodeList(name, list(csv.DictReader(text.splitlines())))
