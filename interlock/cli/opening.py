"""What commands on the ledger open: one connection, the keys, the adapters. Starts nothing that does not run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from psycopg import Connection, IsolationLevel
from psycopg.rows import TupleRow

from interlock.cli.printing import fail
from interlock.clock import Clock, open_clock
from interlock.engines import find_postgres
from interlock.settings import Settings, revealed

if TYPE_CHECKING:
    from hub.ports import Adapter
    from hub.store.audit import Audit
    from hub.store.seal import Seal

ACTOR = "operator at the command line"


@dataclass(frozen=True)
class Opened:
    """A connection in a transaction that commits when the command ends well. ``clock`` is the business clock.

    ``url`` is the database's and holds its password: never print it.
    """

    settings: Settings
    connection: Connection[TupleRow]
    clock: Clock
    url: str

    @property
    def seal(self) -> Seal:
        from interlock.sealing import open_seal

        return open_seal(self.settings)

    @property
    def audit(self) -> Audit:
        from hub.store.audit import Audit

        return Audit(self.settings.keys().audit)

    @property
    def adapters(self) -> Mapping[str, Adapter]:
        """Every channel's adapter and our own voices. Imported here: most commands do not need them."""
        from interlock.wiring import voices

        return voices(self.connection)


@contextmanager
def opened(*, snapshot: bool = False) -> Iterator[Opened]:
    """The ledger of this installation; says what to do next when it cannot be reached.

    With ``snapshot`` everything is read as of one moment, and nothing can be written: for looking at the whole ledger
    while the hub runs.
    """
    settings = Settings.load()
    url = revealed(settings.database_url)
    if url is None:
        engine = find_postgres(settings.data_dir)
        if engine is None:
            fail("the database is not running", "Run `interlock up` first, or set INTERLOCK_DATABASE_URL.")
        url = engine.url
    try:
        with psycopg.connect(url, connect_timeout=5, application_name="interlock-cli") as connection:
            if snapshot:
                connection.isolation_level = IsolationLevel.REPEATABLE_READ
                connection.read_only = True
            yield Opened(settings, connection, open_clock(settings.clock_file), url)
    except psycopg.OperationalError as error:
        fail(f"the database does not answer: {str(error).partition(chr(10))[0]}", "`interlock doctor` says more.")
    except psycopg.errors.UndefinedTable:
        fail("the database has no ledger yet", "Run `interlock migrate`.")
