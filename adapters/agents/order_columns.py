"""A block of the agents' orders as columns: what of each is proven, and its rows.

Every check is the reader's own (``wording``, ``wire``, ``adapters.kit.words``), asked once per different value; a field
that must be there and is not, and a case that needs more than one field to be understood, is not proven here.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from adapters.agents.wire import DAY, MOMENT, MONEY, ORDER_STATUS, TICKET_STATUS
from adapters.agents.wording import AgentsWording, PairedRecord
from adapters.kit import blocks, trains
from hub.ports import TABLE
from schemas.codes import code_list
from schemas.stations import telecode_of

_TEXT, _WHOLE, _AMOUNT = pa.string(), pa.int64(), pa.decimal128(17, 2)


def _fields(texts: str = "", wholes: str = "", amounts: str = "") -> list[Any]:
    kinds = ((texts, _TEXT), (wholes, _WHOLE), (amounts, _AMOUNT))
    return [pa.field(name, kind) for names, kind in kinds for name in names.split()]


_TICKET = _fields(
    "ticketNo statusDate statusTime issueDate issueTime soldIn origin oldTicketNo newTicketNo refundNo passengerName"
    " idNo mobile trainNo trainCode trainStartDate fromStation toStation departDate departTime arriveTime seatClass"
    " seat",
    "ticketStatus idType ticketType arriveDays",
    "price serviceFee",
)
_PAYMENT = _fields("payChannel payType payNo payDate payTime", "", "amount")
_REFUND = [
    *_fields(
        "payChannel refundNo refundDate refundTime refundStatus resultDate resultTime payNo partOfRefundNo source",
        "",
        "gross fee net",
    ),
    pa.field("ticketNos", pa.list_(_TEXT)),
]
SCHEMA = pa.schema(
    [
        *_fields(
            "msgType supplierOrderNo agentOrderNo agentId contractNo soldIn orderDate orderTime updateDate updateTime"
            " payLimitDate payLimitTime",
            "revision orderStatus",
        ),
        pa.field("tickets", pa.list_(pa.struct(_TICKET))),
        pa.field("payments", pa.list_(pa.struct(_PAYMENT))),
        pa.field("refunds", pa.list_(pa.struct(_REFUND))),
        pa.field("changes", pa.list_(pa.struct([]))),
    ]
)
"""The fields of the wire that a row can need or a check must see. All others only ever become losses."""

_ORDER_NO, _TICKET_NO = "E[A-Z0-9][0-9]{8}", "E[A-Z0-9][0-9]{8}[1-9][0-9]{2}[0-9A-Z]{4}"
_REFERENCE = "[0-9A-Za-z_.:-]{1,64}"
_MOST_MINOR = 10**13
_CODES = {name: code_list(name) for name in ("document_type", "ticket_type", "sales_channel", "processor")}
_METHOD = code_list("payment_method")


class Children:
    """The objects of one list of all orders: ``parents`` are their orders' places in the block."""

    def __init__(self, column: Any) -> None:
        column = blocks.whole(column)
        self.parents = pc.list_parent_indices(column).to_numpy(zero_copy_only=False).astype(np.int64)
        self._objects = column.flatten()
        self.count = len(self._objects)
        self.there = blocks.known(self._objects)
        lengths = pc.fill_null(pc.list_value_length(column), 0)
        self.few = blocks.truth(pc.less_equal(lengths, 20))

    def __getitem__(self, name: str) -> Any:
        return pc.struct_field(self._objects, name)


class OrderColumns:
    """One block. ``line_numbers`` count from 1; ``proven`` says which orders' rows :meth:`rows` gives.

    ``legs_known``: what was read before, for all blocks of a day: its trains are few.
    """

    def __init__(
        self, table: Any, line_numbers: Any, wording: AgentsWording, legs_known: dict[str, str | None]
    ) -> None:
        self._legs_known = legs_known
        self._table = table
        self._lines = line_numbers
        self._wording = wording
        self._size = table.num_rows
        self._numbers = self._column("supplierOrderNo")
        self._tickets = Children(table.column("tickets"))
        self._payments = Children(table.column("payments"))
        self._refunds = Children(table.column("refunds"))
        self._sellers = self._sold_in(self._column("soldIn"))
        held = [self._order_is_proven(), self._tickets.few, self._payments.few, self._refunds.few]
        for children, proven in (
            (self._tickets, self._tickets_are_proven()),
            (self._payments, self._payments_are_proven()),
            (self._refunds, self._refunds_are_proven()),
        ):
            held.append(blocks.per_parent(proven & children.there, children.parents, self._size))
        # What an order without a ticket means depends on more than its own rows.
        held.append(np.bincount(self._tickets.parents, minlength=self._size) > 0)
        self.proven = blocks.all_of(*held)

    def _column(self, name: str) -> Any:
        return blocks.whole(self._table.column(name))

    # --- what is proven

    def _order_is_proven(self) -> Any:
        column = self._column
        statuses = pa.array(sorted(map(int, ORDER_STATUS)))
        return blocks.all_of(
            pc.equal(column("msgType"), "NOTIFY"),
            blocks.is_like(self._numbers, _ORDER_NO),
            blocks.absent_or(column("agentOrderNo"), blocks.is_like(column("agentOrderNo"), _REFERENCE)),
            *(blocks.absent_or(column(name), _short(column(name), 40)) for name in ("agentId", "contractNo")),
            blocks.known(self._sellers),
            self._moments(column, "order", optional=True),
            self._moments(column, "update"),
            self._moments(column, "payLimit", optional=True),
            blocks.absent_or(column("revision"), _between(column("revision"), 0, 10**9)),
            pc.is_in(column("orderStatus"), value_set=statuses),
            pc.equal(pc.fill_null(pc.list_value_length(column("changes")), 0), 0),
        )

    def _tickets_are_proven(self) -> Any:
        ticket = self._tickets
        order_numbers = self._of_order(self._numbers, ticket)
        self._statuses = self._read(ticket["ticketStatus"], _state)
        self._issued_at = self._moment(ticket["issueDate"], ticket["issueTime"])
        self._fares = blocks.hundredths(ticket["price"])
        self._kinds = self._coded(ticket["idType"], "document_type")
        self._legs = self._read_legs(ticket)
        self._seats = self._read(blocks.joined("\n", ticket["seat"], ticket["seatClass"]), self._seat)
        self._trains = self._read(blocks.joined("\n", ticket["trainCode"], ticket["trainStartDate"]), _run)
        return blocks.all_of(
            blocks.is_like(ticket["ticketNo"], _TICKET_NO),
            pc.equal(pc.utf8_slice_codeunits(ticket["ticketNo"], 0, 10), order_numbers),
            ~blocks.doubled(ticket.parents, ticket["ticketNo"]),
            blocks.known(self._statuses),
            blocks.known(self._issued_at),
            self._moments(ticket.__getitem__, "status"),
            blocks.absent_or(
                ticket["soldIn"], pc.equal(ticket["soldIn"], self._of_order(self._column("soldIn"), ticket))
            ),
            blocks.absent_or(ticket["origin"], pc.equal(ticket["origin"], "SALE")),
            ~blocks.known(ticket["oldTicketNo"]),
            *(blocks.absent_or(ticket[n], _short(ticket[n], 200)) for n in ("newTicketNo", "refundNo", "mobile")),
            _short(ticket["passengerName"], 60),
            blocks.known(self._kinds),
            blocks.documents(self._kinds, ticket["idNo"]),
            blocks.known(self._coded(ticket["ticketType"], "ticket_type")),
            blocks.absent_or(ticket["trainNo"], blocks.is_like(ticket["trainNo"], "[0-9A-Z]{1,12}")),
            blocks.known(self._trains),
            *(blocks.known(self._read(ticket[name], telecode_of)) for name in ("fromStation", "toStation")),
            blocks.known(self._legs),
            blocks.known(self._seats),
            _money(self._fares),
            blocks.absent_or(ticket["serviceFee"], _money(blocks.hundredths(ticket["serviceFee"]))),
        )

    def _payments_are_proven(self) -> Any:
        payment = self._payments
        self._paid_to = self._coded(payment["payChannel"], "processor")
        self._paid = blocks.hundredths(payment["amount"])
        self._paid_at = self._moment(payment["payDate"], payment["payTime"])
        return blocks.all_of(
            blocks.known(self._paid_to),
            blocks.known(self._read(payment["payType"], self._method)),
            blocks.is_like(payment["payNo"], _REFERENCE),
            _money(self._paid),
            blocks.known(self._paid_at),
            ~blocks.doubled(payment.parents, blocks.joined("|", self._paid_to, payment["payNo"])),
        )

    def _refunds_are_proven(self) -> Any:
        refund = self._refunds
        self._given_by = self._coded(refund["payChannel"], "processor")
        gross, net = blocks.hundredths(refund["gross"]), blocks.hundredths(refund["net"])
        self._kept = pc.fill_null(blocks.hundredths(refund["fee"]), 0)
        self._given = net
        self._given_at = self._moment(refund["refundDate"], refund["refundTime"])
        return blocks.all_of(
            blocks.known(self._given_by),
            blocks.is_like(refund["refundNo"], _REFERENCE),
            _money(gross),
            _money(net),
            _money(self._kept),
            pc.equal(gross, pc.add(self._kept, net)),
            blocks.known(self._given_at),
            # A repayment that failed is no row, and what is told of other systems is another fact.
            blocks.absent_or(refund["refundStatus"], pc.is_in(refund["refundStatus"], value_set=_GIVEN)),
            self._moments(refund.__getitem__, "result", optional=True),
            blocks.absent_or(refund["payNo"], blocks.is_like(refund["payNo"], _REFERENCE)),
            ~blocks.known(refund["partOfRefundNo"]),
            blocks.absent_or(refund["source"], pc.equal(refund["source"], "PASSENGER")),
            self._tickets_named(refund),
            ~blocks.doubled(refund.parents, blocks.joined("|", self._given_by, refund["refundNo"])),
        )

    def _tickets_named(self, refund: Children) -> Any:
        """Whether all tickets of a refund are of its order."""
        listed = refund["ticketNos"]
        owners = pc.list_parent_indices(listed).to_numpy(zero_copy_only=False).astype(np.int64)
        named = listed.flatten()
        numbers = self._of_order(self._numbers, refund).take(pa.array(owners))
        held = blocks.is_like(named, _TICKET_NO) & blocks.truth(
            pc.equal(pc.utf8_slice_codeunits(named, 0, 10), numbers)
        )
        few = blocks.truth(pc.less_equal(pc.fill_null(pc.list_value_length(listed), 0), 20))
        return blocks.per_parent(held, owners, refund.count) & few

    # --- how fields are read

    def _of_order(self, column: Any, children: Children) -> Any:
        return column.take(pa.array(children.parents))

    def _read(self, column: Any, read: Callable[[Any], Any]) -> Any:
        return blocks.distinct(column, lambda value: None if value is None else read(value), _TEXT)

    def _moment(self, day: Any, clock: Any) -> Any:
        """A date and its time in two columns as microseconds since 1970; null where one is absent or they are none."""
        return blocks.local_moments(blocks.joined(" ", day, clock), MOMENT)

    def _moments(self, column: Callable[[str], Any], name: str, *, optional: bool = False) -> Any:
        """Whether a moment is one; of an optional one both fields may be absent."""
        day, clock = column(f"{name}Date"), column(f"{name}Time")
        held = blocks.known(self._moment(day, clock))
        return held | (~blocks.known(day) & ~blocks.known(clock)) if optional else held

    def _record(self, **fields: object) -> PairedRecord:
        return PairedRecord(fields, "", blocks.nothing_lost(), self._wording.column, self._wording.tables)

    def _coded(self, column: Any, name: str) -> Any:
        """Our codes for a column of native ones; null for those that the list lacks."""
        codes = _CODES[name]
        return self._read(column, lambda value: blocks.or_none(lambda r: r.code("v", codes), self._record(v=value)))

    def _method(self, native: str) -> str | None:
        return blocks.or_none(lambda record: record.code("v", _METHOD), self._record(v=native))

    def _sold_in(self, column: Any) -> Any:
        return self._coded(column, "sales_channel")

    def _seat(self, text: str) -> str | None:
        """``5-12A``, or "" for a seat of which not enough is known to compare it."""
        seat, _, seat_class = text.partition("\n")
        found = blocks.or_none(self._wording.seat, self._record(seat=seat, seatClass=seat_class))
        if found is None:
            return None
        if not found.coach or not found.number:
            return ""
        return f"{found.coach.lstrip('0') or '0'}-{found.number.lstrip('0') or '0'}"

    def _read_legs(self, ticket: Children) -> Any:
        """``departure arrival`` in microseconds since 1970; null where they cannot be."""
        days = pc.cast(ticket["arriveDays"], _TEXT)
        said = blocks.joined("\n", ticket["departDate"], ticket["departTime"], days, ticket["arriveTime"])
        return self._read(said, self._leg)

    def _leg(self, text: str) -> str | None:
        if text not in self._legs_known:
            self._legs_known[text] = self._new_leg(text)
        return self._legs_known[text]

    def _new_leg(self, text: str) -> str | None:
        day, clock, days, arrives = text.split("\n")
        departs = _moment_of(f"{day} {clock}")
        if departs is None:
            return None
        arrival = blocks.or_none(
            partial(self._wording.arrival, departs=departs), self._record(arriveDays=int(days), arriveTime=arrives)
        )
        if arrival is None or arrival <= departs:
            return None
        return f"{_microseconds(departs)} {_microseconds(arrival)}"

    # --- the rows

    def rows(self) -> Iterator[Any]:
        """Record batches of the proven orders' tickets, payments and refunds."""
        sold_on = self._sold_on()
        yield from self._batches(self._tickets, self._ticket_columns(), sold_on)
        payments = {"kind": "payment", "amount": self._paid, "at": self._paid_at}
        key = blocks.joined("|", self._paid_to, self._payments["payNo"])
        yield from self._batches(self._payments, {**payments, **self._money_columns(self._payments, key)}, sold_on)
        refunds = {"kind": "refund", "amount": self._given, "at": self._given_at}
        refunds["fee"] = pc.multiply(self._kept, 1000)
        key = blocks.joined("|", self._given_by, self._refunds["refundNo"])
        yield from self._batches(self._refunds, {**refunds, **self._money_columns(self._refunds, key)}, sold_on)

    def _sold_on(self) -> Any:
        """The local date of each order's first sale."""
        issued = self._issued_at.fill_null(0).to_numpy(zero_copy_only=False)
        first = np.full(self._size, np.iinfo(np.int64).max)
        np.minimum.at(first, self._tickets.parents, issued)
        return blocks.local_days(first)

    def _ticket_columns(self) -> dict[str, Any]:
        ticket = self._tickets
        ends = pc.split_pattern(self._legs.fill_null("0 0"), " ")
        return {
            "key": ticket["ticketNo"],
            "kind": "ticket",
            "at": self._issued_at,
            "amount": self._fares,
            "state": self._statuses,
            "seat": pc.if_else(pc.equal(self._seats, ""), pa.scalar(None, _TEXT), self._seats),
            "train_run": self._trains,
            "leg_departs": pc.list_element(ends, 0).cast(_WHOLE),
            "leg_arrives": pc.list_element(ends, 1).cast(_WHOLE),
            "document": blocks.joined("|", self._kinds, ticket["idNo"]),
        }

    def _money_columns(self, children: Children, key: Any) -> dict[str, Any]:
        processors = pc.list_element(pc.split_pattern(key.fill_null(""), "|", max_splits=1), 0)
        return {"key": key, "other_key": blocks.joined("|", processors, self._of_order(self._numbers, children))}

    def _batches(self, children: Children, columns: dict[str, Any], sold_on: Any) -> Iterator[Any]:
        chosen = pa.array(np.flatnonzero(self.proven[children.parents]))
        parents = pa.array(children.parents).take(chosen)
        places = pc.binary_join_element_wise("line", pa.array(self._lines).cast(_TEXT), " ")
        shared = {"order_no": self._numbers, "seller": self._sellers, "sold_on": sold_on, "place": places}
        yield from blocks.rows_of(columns, {name: shared[name].take(parents) for name in shared}, chosen, TABLE)


_GIVEN = pa.array(sorted(word for word in MONEY.refund.words if word != "FAILED"))


def _state(code: int) -> str | None:
    """What reconciliation calls the state of a table 2 code that is a sale or a refund of one; others are stories."""
    meaning = TICKET_STATUS.get(str(code))
    return meaning.state if meaning is not None and meaning.state in ("issued", "refunded") else None


def _run(text: str) -> str | None:
    code, _, day = text.partition("\n")
    found = DAY.read(day)
    record = PairedRecord({"v": code}, "", blocks.nothing_lost(), "agents")
    right = blocks.or_none(lambda r: trains.train_code(r, "v"), record)
    return f"{right}|{found.date().isoformat()}" if found is not None and right is not None else None


def _moment_of(text: str | None) -> datetime | None:
    return MOMENT.read(text) if text is not None and len(text) < 41 else None


def _microseconds(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000


def _short(column: Any, most: int) -> Any:
    return blocks.truth(pc.less_equal(pc.utf8_length(column), most)) & blocks.truth(
        pc.greater(pc.utf8_length(column), 0)
    )


def _between(column: Any, low: int, high: int) -> Any:
    return blocks.truth(pc.and_(pc.greater_equal(column, low), pc.less_equal(column, high)))


def _money(amounts: Any) -> Any:
    return _between(amounts, 0, _MOST_MINOR)
