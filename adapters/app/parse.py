"""The app's JSON -> observation: a list of records, one ticket each, of one order; always a snapshot of it."""

from adapters.app.profile import PROFILE
from adapters.app.tickets import read_ticket
from adapters.app.wire import ACTS, PAGE, TIME
from adapters.kit import built
from adapters.kit.decoding import decode_json
from adapters.kit.letters import MODES
from adapters.kit.pages import order_number, read_page
from adapters.kit.reading import Record
from adapters.kit.refusing import never_raises
from adapters.kit.snapshot import Snapshot, SnapshotTicket, facts_of, references
from adapters.kit.times import local_date
from schemas.observation import Observation


@never_raises
def parse(raw: bytes) -> Observation:
    """One message of the app channel; see README.md for the wire. Raises nothing but through ``never_raises``."""
    message = decode_json(raw, "app", PROFILE.max_message_bytes)
    mode = message.choice("msg_type", MODES)
    message.choice("act", ACTS)
    occurred_at = message.time("update_time", TIME)
    message.time("order_date", TIME)
    device, version = message.optional("device_no"), message.optional("app_version")
    sequence = message.integer("order_rev", default=0)
    number = order_number(message, PAGE, example="EA12345678")
    snapshot = _snapshot(message, number)
    message.finish(PROFILE.ignores)
    return built.observation(
        mode=mode,
        references=references(number, snapshot),
        occurred_at=occurred_at,
        sequence=sequence,
        business_date=local_date(occurred_at),
        point_of_sale=built.sold_on("app", device, version),
        facts=facts_of(snapshot, message.losses),
        losses=message.losses.all(),
    )


def _snapshot(message: Record, number: str | None) -> Snapshot:
    page = read_page(message, number, PAGE, read_ticket)
    if message.integer("record_num") != len(page.tickets):
        raise message.refuse("record_num", "message_malformed", f"the message has {len(page.tickets)} records")
    return page._replace(tickets=_once_each(message, page.tickets))


def _once_each(message: Record, tickets: tuple[SnapshotTicket, ...]) -> tuple[SnapshotTicket, ...]:
    """The app may repeat a record: the one with the latest status counts, an older one that differs is a loss."""
    latest: dict[str, SnapshotTicket] = {}
    for ticket in tickets:
        known = latest.setdefault(ticket.content.ticket_no, ticket)
        if known is ticket:
            continue
        is_late = known.state_at is not None and (ticket.state_at is None or ticket.state_at < known.state_at)
        older, newer = (ticket, known) if is_late else (known, ticket)
        latest[ticket.content.ticket_no] = newer
        if older._replace(record=newer.record) != newer:
            message.losses.add(older.place, "less_precise", older.state, "a later record of this ticket counts")
    return tuple(latest.values())
