"""Web's JSON -> observation. Every message is a snapshot of one order; its act only says what came last."""

from adapters.kit import built
from adapters.kit.decoding import decode_json
from adapters.kit.letters import MODES
from adapters.kit.pages import order_number, read_page
from adapters.kit.reading import Record
from adapters.kit.refusing import never_raises, refusal
from adapters.kit.snapshot import SnapshotTicket, facts_of, references
from adapters.kit.times import local_date
from adapters.web.profile import PROFILE
from adapters.web.tickets import read_ticket
from adapters.web.wire import ACTS, PAGE, TIME
from schemas.observation import Observation


@never_raises
def parse(raw: bytes) -> Observation:
    """One message of the web channel; see README.md for the wire. Raises nothing but through ``never_raises``."""
    message = decode_json(raw, "web", PROFILE.max_message_bytes)
    mode = message.choice("messageType", MODES)
    message.choice("act", ACTS)
    revision = message.integer("revision", default=0)
    orders = "OrderDTODataList" if message.has("OrderDTODataList") else "orderDBList"
    (order,) = message.children(orders, least=1, most=1)
    occurred_at = order.time("update_time", TIME)
    order.time("order_date", TIME)
    number = order_number(order, PAGE, example="EW12345678")
    snapshot = read_page(order, number, PAGE, read_ticket)
    _check_totals(order, snapshot.tickets)
    order.repeated("start_train_date_page")
    message.finish(PROFILE.ignores)
    order.finish(PROFILE.ignores)
    return built.observation(
        mode=mode,
        references=references(number, snapshot),
        occurred_at=occurred_at,
        sequence=revision,
        business_date=local_date(occurred_at),
        point_of_sale=built.sold_in("web"),
        facts=facts_of(snapshot, message.losses),
        losses=message.losses.all(),
    )


def _check_totals(order: Record, tickets: tuple[SnapshotTicket, ...]) -> None:
    """The order's own count and sum must fit its tickets: a page that lost one of them must not become truth."""
    if order.integer("ticket_totalnum") != len(tickets):
        raise order.refuse("ticket_totalnum", "message_malformed", f"the message has {len(tickets)} tickets")
    total = sum([ticket.content.fare_gross.amount for ticket in tickets])
    if order.money("ticket_price_all").amount != total:
        raise order.refuse("ticket_price_all", "amount_invalid", f"the tickets cost {total} fen together")
    seen: set[str] = set()
    for ticket in tickets:
        number = ticket.content.ticket_no
        if number in seen:
            raise refusal("identifier_invalid", ticket.place, "this ticket stands there twice", found=number)
        seen.add(number)
