"""Connections with code tables of their own: which adapter speaks for a channel that is registered in the ledger.

Several agents speak one language with different codes. A row of ``hub.channels`` names the adapter and the tables;
processes read it when they start.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from hub.delivery.terms import TermInvalid
from hub.ports import Adapter, Connectable
from hub.store.channels import CodeTables
from schemas.codes import code_list

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_EXAMPLE = "--codes document_type:3=hk_macau_permit,4=taiwan_permit"


class Connection(Protocol):
    """What a row of ``hub.channels`` says about the language of a channel."""

    @property
    def channel(self) -> str: ...

    @property
    def adapter(self) -> str | None: ...

    @property
    def code_tables(self) -> CodeTables: ...


class ConnectionInvalid(TermInvalid):
    """A connection cannot be registered as asked. ``remedy`` says what to do instead."""

    def __init__(self, what: str, remedy: str, field: str = "codes") -> None:
        super().__init__(field, what)
        self.remedy = remedy


def own_connections(installed: Mapping[str, Adapter], rows: Iterable[Connection]) -> dict[str, Adapter]:
    """The adapters of those channels that borrow another one's, or have code tables of their own.

    A row whose adapter is no longer installed, or no longer takes connections, has none: its messages are refused as
    those of an unknown channel until it is installed again.
    """
    found: dict[str, Adapter] = {}
    for row in rows:
        speaker = row.adapter or row.channel
        if not (row.adapter or row.code_tables) or speaker not in installed:
            continue
        adapter = installed[speaker]
        if isinstance(adapter, Connectable):
            profile = replace(adapter.profile, channel=row.channel, code_tables=row.code_tables)
            found[row.channel] = adapter.connected(profile)
    return found


def wanted(
    name: str, adapter: str | None, codes: Iterable[str], installed: Mapping[str, Adapter]
) -> tuple[str | None, CodeTables | None]:
    """(adapter, code tables) to store for a channel that an operator connects; None leaves what is stored.

    ``codes`` are ``LIST:NATIVE=OURS,NATIVE=OURS`` texts. Raises :class:`ConnectionInvalid`.
    """
    speaker = adapter or name
    if speaker not in installed:
        raise ConnectionInvalid(
            f"no adapter is called {speaker!r}",
            f"Installed: {', '.join(installed)}. A connection with a name of its own says --adapter.",
            "adapter",
        )
    tables = _tables(codes)
    if (adapter not in (None, name) or tables) and not isinstance(installed[speaker], Connectable):
        several = ", ".join(n for n, a in installed.items() if isinstance(a, Connectable)) or "none"
        raise ConnectionInvalid(
            f"{speaker} has one connection only", f"Adapters with many connections: {several}.", "adapter"
        )
    if not _NAME.fullmatch(name):
        raise ConnectionInvalid(
            f"{name!r} is no name of a channel", "Small letters, digits and _ , a letter first.", "channel"
        )
    for list_name, table in tables.items():
        _check(list_name, table, installed[speaker].profile.channel)
    return (None if speaker == name else speaker), (tables or None)


def _tables(texts: Iterable[str]) -> CodeTables:
    """
    >>> _tables(["document_type:3=hk_macau_permit,4=taiwan_permit"])
    {'document_type': {'3': 'hk_macau_permit', '4': 'taiwan_permit'}}
    """
    tables: dict[str, dict[str, str]] = {}
    for text in texts:
        name, _, rows = text.partition(":")
        table = tables.setdefault(name.strip(), {})
        for row in rows.split(","):
            native, _, ours = (part.strip() for part in row.partition("="))
            if not (native and ours):
                raise ConnectionInvalid(f"{text!r} has no NATIVE=OURS at {row!r}", f"For example {_EXAMPLE}.")
            if native in table:
                raise ConnectionInvalid(f"{name} says twice what {native} means", "Say it once.")
            table[native] = ours
    return tables


def _check(name: str, table: Mapping[str, str], system: str) -> None:
    """Every code is of the list, and the hub can still write every code that it could write before."""
    try:
        codes = code_list(name)
    except FileNotFoundError as error:
        raise ConnectionInvalid(f"there is no code list {name!r}", f"For example {_EXAMPLE}.") from error
    unknown = [ours for ours in table.values() if ours not in codes]
    if unknown:
        known = ", ".join(row["code"] for row in codes.rows)
        raise ConnectionInvalid(f"the list {name} has no {', '.join(unknown)}", f"It has {known}.")
    for row in codes.rows if codes.has_column(system) else ():
        spelling = codes.write(system, row["code"])
        if spelling is not None and codes.write(system, row["code"], table) is None:
            raise ConnectionInvalid(
                f"{name}: {spelling} now means {table[spelling]}, so nothing is left for {row['code']}",
                f"Say also what {row['code']} is: {name}:...,NATIVE={row['code']}.",
            )
