"""Reconciliation, wired: its ports answered by the hub, the adapters and the drop folder; buckets spread by Celery."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from uuid import UUID

from celery import Celery
from starlette.requests import Request

from hub.api import Access, Principal
from hub.intake import Receipt
from hub.intake.own_voice import own_receipt
from hub.ledger import Document
from hub.ports import ChannelUnavailable, Extracting, Part, Splitting
from hub.store import channels, deliveries, orders
from interlock.clock import system_clock
from interlock.settings import Settings
from interlock.wiring import RECONCILIATION, Hub, new_id, open_hub
from reconciliation.api import Authorise, Scope
from reconciliation.journal import Journal
from reconciliation.ports import BucketTask, HubOrder, Outcome, SourceMissing
from reconciliation.runs import Reconciler, ReconOptions, build
from reconciliation.sources.hub import hub_order
from reconciliation.sources.statement import DroppedStatements
from schemas.facts import Adjusted
from schemas.observation import Observation, ReferenceClaim, Rejection

SPREAD_TIMEOUT_SECONDS = 3600.0
_ASK_EVERY_SECONDS = 0.2


class HubLedger:
    """The port ``Ledger``: the orders of a date in one snapshot, streamed."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def orders(self, business_date: date) -> Iterable[HubOrder]:
        with self._hub.pool.connection() as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            for document in orders.stated_on(connection, business_date):
                yield hub_order(document, business_date)

    def orders_by_number(self, order_nos: Sequence[str], business_date: date) -> Iterable[HubOrder]:
        with self._hub.pool.connection() as connection:
            known: list[Document] = orders.by_number(connection, order_nos)
        return [hub_order(document, business_date) for document in known]


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


class HubCorrections:
    """The port ``Corrections``: every correction is a message or a delivery like any other, and idempotent."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def post(self, channel: str, message_id: str, raw: bytes) -> Outcome:
        return self._take(Receipt(channel, message_id, raw, "reconciliation", self._hub.clock()))

    def redeliver(self, channel: str, order_no: str) -> Outcome:
        with self._hub.pool.connection() as connection:
            order_id = self._order(order_no)
            event = deliveries.again(connection, channel, order_id, system_clock()) if order_id else None
        if event is None:
            return Outcome(False, "refused", f"there is nothing to tell {channel} about {order_no}")
        return Outcome(True, "queued", f"event {event}")

    def adjust(self, order_no: str, fact: Adjusted) -> Outcome:
        now = self._hub.clock()
        message_id = f"adjusted/{fact.definition}/{fact.subject}/{fact.kind}/{fact.hub_value}/{fact.other_value}"
        name = ReferenceClaim(system="rail", kind="order", value=order_no)
        return self._take(
            own_receipt(RECONCILIATION, "reconciliation", message_id[:200], name, [fact], fact.occurred_at, now)
        )

    def _order(self, order_no: str) -> UUID | None:
        with self._hub.pool.connection() as connection:
            return orders.find_by_reference(connection, "rail", "order", order_no)

    def _take(self, receipt: Receipt) -> Outcome:
        answer = self._hub.intake.take([receipt])[0]
        # What is on the ledger but disputed is not set right: the break stays for the next run or a person.
        settled = answer.status == 200 and answer.outcome != "disputed"
        return Outcome(settled, answer.outcome, str(answer.body.get("detail", "")))


def reconciler_of(hub: Hub, celery: Celery | None = None) -> Reconciler:
    """Reconciliation over a wired hub; with ``celery`` its buckets are worked on by the lane ``bulk``."""
    options = ReconOptions(hub.data_dir)
    spread = spread_by(celery, Journal(hub.pool)) if celery is not None else None
    return build(
        hub.pool,
        HubLedger(hub),
        HubChannels(hub),
        DroppedStatements(hub.data_dir / "drop" / "statements"),
        HubCorrections(hub),
        hub.clock,
        new_id,
        options,
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


def spread_by(celery: Celery, journal: Journal) -> Callable[[Sequence[BucketTask]], None]:
    """A spread that sends every bucket to a worker and waits until all results are rows in PostgreSQL.

    What a lost broker or a killed worker swallowed is sent again: a bucket's result is idempotent.
    """

    def spread(tasks: Sequence[BucketTask]) -> None:
        deadline = time.monotonic() + SPREAD_TIMEOUT_SECONDS
        send_again = 0.0
        while missing := journal.missing_buckets(tasks):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(missing)} buckets of {missing[0].definition} are not done")
            if time.monotonic() >= send_again:
                for task in missing:
                    celery.send_task("interlock.recon_bucket", [task.to_json()], queue="bulk")
                send_again = time.monotonic() + 60.0
            time.sleep(_ASK_EVERY_SECONDS)

    return spread


def authorise_by(access: Access) -> Authorise:
    """Who may look at, run and resolve: finance; auditors may look. Approving needs a login of two factors."""
    needs: dict[Scope, tuple[str, ...]] = {
        "recon:read": ("hub:finance", "hub:audit"),
        "recon:run": ("hub:finance",),
        "recon:resolve": ("hub:finance",),
        "recon:approve": ("hub:finance",),
    }

    def authorise(scope: Scope) -> Callable[[Request], str]:
        def who(request: Request) -> str:
            principal: Principal = access.reader(request.headers)
            if not principal.scopes & set(needs[scope]):
                principal.need(needs[scope][0])
            if scope == "recon:approve":
                access.must_be_sure(principal)
            return principal.subject

        return who

    return authorise
