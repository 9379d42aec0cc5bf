"""Who met whom at a seat: the orders in which it may show who won a race, and who won is no business of the digest."""

from collections.abc import Mapping
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.ledger import fold
from hub.ports import Adapter
from hub.store import orders, remembered
from hub.store.seal import Seal
from hub.store.timetable import Timetable
from schemas.facts import Leg, Seat, TicketHeld, TicketIssued
from schemas.observation import Observation
from schemas.order import Order
from schemas.states import valid_states

SEAT_SOLD = "seat_already_sold"

Spot = tuple[str, str, str, str]
"""A seat of a run, whatever the legs: service date, train, coach, number."""


class Contest:
    """The seats that more than one order wanted, and the orders that were refused one."""

    def __init__(self) -> None:
        self.spots: set[Spot] = set()
        self.order_nos: set[str] = set()
        self.order_ids: set[UUID] = set()
        self._timetable = Timetable()

    def joined(self, other: "Contest | None") -> "Contest":
        """This one, with what another ledger of the same messages says: there somebody else may have won."""
        if other is not None:
            self.spots |= other.spots
            self.order_nos |= other.order_nos
        return self

    def learn(self, connection: Connection[TupleRow], folded: list[Order]) -> None:
        """Read the runs of these orders: a run has one number, but may change its code on the way."""
        self._timetable.learn(connection, (t.leg for order in folded for t in order.tickets if t.leg is not None))

    def learn_legs(self, connection: Connection[TupleRow], legs: list[Leg]) -> None:
        self._timetable.learn(connection, legs)

    def spot(self, leg: Leg | None, seat: Seat | None) -> Spot | None:
        if leg is None or seat is None or not seat.coach or not seat.number:
            return None
        run = self._timetable.run(leg)
        train = run.train_no if run else leg.train_code
        return (leg.service_date.isoformat(), train, seat.coach.lstrip("0"), seat.number.lstrip("0"))

    def touches(self, order: Order) -> bool:
        """Whether who won a race may show in this order."""
        return (
            order.order_id in self.order_ids
            or order.reference("rail", "order") in self.order_nos
            or any(d.kind == SEAT_SOLD for d in order.disputes)
            or any(self.spot(t.leg, t.seat) in self.spots for t in order.tickets)
        )


def contest_of(connection: Connection[TupleRow], adapters: Mapping[str, Adapter], seal: Seal) -> Contest:
    """The contested seats of a ledger: where a ticket did not get its seat, or an ask for one was refused."""
    contest = Contest()
    disputed = connection.execute("SELECT DISTINCT order_id FROM hub.disputes WHERE kind = %s", (SEAT_SOLD,)).fetchall()
    folded = [fold(stored.document) for stored in orders.read(connection, [row[0] for row in disputed]).values()]
    contest.learn(connection, folded)
    for order in folded:
        lost = [t for t in order.tickets if not t.seat_granted and t.state in valid_states()]
        contest.spots |= {spot for ticket in lost if (spot := contest.spot(ticket.leg, ticket.seat))}
    refused = connection.execute(
        """SELECT m.channel, m.message_id, m.raw, coalesce(a.into_id, m.order_id) FROM hub.messages m
           LEFT JOIN hub.aliases a USING (order_id) WHERE m.outcome = 'refused' AND m.code = %s""",
        (SEAT_SOLD,),
    ).fetchall()
    contest.order_ids |= {row[3] for row in refused if row[3] is not None}
    read = remembered.opened(connection, seal, [(row[0], row[1], bytes(row[2])) for row in refused])
    for (channel, *_), found in zip(refused, read, strict=True):
        observed = adapters[channel].parse(found.raw) if found.raw is not None else found.remembered
        if isinstance(observed, Observation):
            _learn_refused(connection, contest, observed)
    return contest


def _learn_refused(connection: Connection[TupleRow], contest: Contest, observed: Observation) -> None:
    contest.order_nos |= {r.value for r in observed.references if (r.system, r.kind) == ("rail", "order")}
    wanted = [fact.ticket for fact in observed.facts if isinstance(fact, TicketHeld | TicketIssued)]
    contest.learn_legs(connection, [ticket.leg for ticket in wanted])
    contest.spots |= {s for ticket in wanted if (s := contest.spot(ticket.leg, ticket.seat))}
