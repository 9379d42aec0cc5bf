"""Reconciliation, wired: its ports answered by the hub, the adapters and the drop folder; pieces spread by Celery."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from mmap import mmap

from celery import Celery
from starlette.requests import Request

from hub.api import Access, Principal
from hub.ports import ChannelUnavailable, Extracting, Part, Splitting, Table, Tabular
from hub.store import channels
from interlock.correcting import HubCorrections
from interlock.settings import Settings
from interlock.spreading import spread_by
from interlock.wiring import Hub, new_id, open_hub
from reconciliation.api import Authorise, Scope
from reconciliation.ports import SourceMissing
from reconciliation.runs import Reconciler, ReconOptions, build
from reconciliation.runs.worklist import Worklist, process_name
from reconciliation.sources.ledger import PostgresLedger, PostgresSnapshot
from reconciliation.sources.statement import DroppedStatements
from schemas.observation import Observation, Rejection
from schemas.problems import ProblemError, problem


class HubLedger:
    """The port ``Ledger``: the orders of a date as rows, out of one snapshot."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def snapshot(self, business_date: date) -> AbstractContextManager[PostgresSnapshot]:
        return PostgresLedger(self._hub.pool, self._hub.settings.engines().database_url).snapshot(business_date)


class HubChannels:
    """The port ``Channels``: extracts over the adapters' transports, read by their parsers."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def extract(self, channel: str, business_date: date) -> bytes:
        adapter: object = self._hub.adapters.get(channel)
        with self._hub.pool.connection() as connection:
            known = channels.find(connection, channel)
        if not isinstance(adapter, Extracting) or known is None or known.endpoint is None:
            raise SourceMissing(f"{channel} has no endpoint to ask for its day: `interlock channel register {channel}`")
        try:
            return adapter.extract(known.endpoint, business_date)
        except ChannelUnavailable as error:
            raise SourceMissing(f"{channel} does not hand out {business_date}: {error}") from error

    def split(self, channel: str, raw: bytes) -> Sequence[Part] | Rejection:
        adapter = self._hub.adapters[channel]
        if not isinstance(adapter, Splitting):
            raise SourceMissing(f"the adapter of {channel} cannot split a day extract")
        return adapter.split(raw)

    def parse(self, channel: str, raw: bytes) -> Observation | Rejection:
        return self._hub.adapters[channel].parse(raw)

    def table(self, channel: str, raw: bytes | mmap) -> Table | Rejection | None:
        adapter: object = self._hub.adapters[channel]
        return adapter.table(raw) if isinstance(adapter, Tabular) else None

    def persons(self, documents: Sequence[str]) -> list[str]:
        blind = self._hub.seal.blind
        named = (document.partition("|") for document in documents)
        return [f"{kind}|{blind(number)}" if number else "" for kind, _, number in named]


def options_of(hub: Hub) -> ReconOptions:
    """Where reconciliation keeps its files, and what matches."""
    return ReconOptions(hub.data_dir, engine=hub.settings.recon_engine)


def reconciler_of(hub: Hub, celery: Celery | None = None) -> Reconciler:
    """Reconciliation over a wired hub; with ``celery`` its buckets are worked on by the lane ``bulk``."""
    options = options_of(hub)
    spread = spread_by(celery, Worklist(hub.pool, process_name()), options, hub.clock) if celery is not None else None
    return build(
        hub.pool,
        HubLedger(hub),
        HubChannels(hub),
        DroppedStatements(hub.data_dir / "drop" / "statements"),
        HubCorrections(hub),
        hub.clock,
        new_id,
        options,
        hub.audit,
        spread,
    )


@contextmanager
def open_reconciler(settings: Settings, celery: Celery | None = None) -> Iterator[Reconciler]:
    """Reconciliation for one command."""
    hub = open_hub(settings, "recon")
    try:
        yield reconciler_of(hub, celery)
    finally:
        hub.close()


def _channel_of(principal: Principal) -> str:
    """The channel that a system speaks for: it answers for its own orders, and nobody else does."""
    if principal.channel is None:
        raise ProblemError(problem("forbidden", "Only a channel's own system confirms its orders."))
    return principal.channel


def authorise_by(access: Access) -> Authorise:
    """Who may look at, run and resolve: finance; auditors may look. Approving needs a login of two factors."""
    needs: dict[Scope, tuple[str, ...]] = {
        "recon:read": ("hub:finance", "hub:audit"),
        "recon:run": ("hub:finance",),
        "recon:resolve": ("hub:finance",),
        "recon:approve": ("hub:finance",),
        "recon:confirm": ("hub:orders",),
    }

    def authorise(scope: Scope) -> Callable[[Request], str]:
        def who(request: Request) -> str:
            principal: Principal = access.reader(request.headers)
            if scope == "recon:confirm":
                return _channel_of(principal)
            if not principal.scopes & set(needs[scope]):
                principal.need(needs[scope][0])
            if scope == "recon:approve":
                access.must_be_sure(principal)
            return principal.subject

        return who

    return authorise
