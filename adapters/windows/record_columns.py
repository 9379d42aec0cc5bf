"""A block of the windows' transactions as columns: what of each is proven, and its rows.

Each different value of a column is read by the reader of one record (``adapters.kit.columns``, ``tickets``); bytes of
a field that only ever becomes a loss are checked to be letters that the reader would take.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from string import ascii_letters, ascii_uppercase, digits
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from adapters.kit import blocks
from adapters.kit.columns import Layout, Line
from adapters.windows.layout import RECORDS, RESERVE
from adapters.windows.records import METHODS, PROCESSORS
from adapters.windows.tickets import CHANNELS, DOCUMENT_TYPES, TICKET_TYPES, leg, seat
from hub.ports import TABLE

COLUMN_READERS = ("SL0", "PY0", "RF0", "RB0")
"""Records that are read by columns; a transaction with another one is a story."""
_TEXT, _WHOLE = pa.string(), pa.int64()


def _letters(wanted: str) -> Any:
    held = np.zeros(256, dtype=bool)
    held[[ord(letter) for letter in wanted]] = True
    return held


_UPPER = _letters(ascii_uppercase + digits)
_REFERENCE = _letters(ascii_letters + digits + "_.:-")


@dataclass(frozen=True, slots=True)
class Transactions:
    """Some transactions: the lines of each, its running number, its shift's name; ``near``: the file's date."""

    firsts: Any
    behinds: Any
    running: Any
    names: Sequence[str]
    near: date


class Cut:
    """All records of one code in a block. ``parents``: the place of each one's transaction."""

    def __init__(self, layout: Layout, letters: Any, parents: Any, near: date) -> None:
        self.layout = layout
        self.letters = letters
        self.parents = parents
        self.count = len(parents)
        self._near = near

    def raw(self, *names: str) -> Any:
        """Columns side by side as one column of bytes of a fixed width."""
        spans = [self.layout.spans[name] for name in names]
        pieces = [self.letters[:, first - 1 : last] for first, last in spans]
        block = np.ascontiguousarray(np.hstack(pieces) if len(pieces) > 1 else pieces[0])
        kind = pa.binary(block.shape[1])
        return pa.Array.from_buffers(kind, self.count, [None, pa.py_buffer(block)])

    def text(self, name: str) -> Any:
        """A column as text without the blanks that fill it; only of letters that :meth:`clean` has proven."""
        first, last = self.layout.spans[name]
        block = np.minimum(self.letters[:, first - 1 : last], 127)
        fixed = pa.Array.from_buffers(pa.binary(block.shape[1]), self.count, [None, pa.py_buffer(block)])
        return pc.ascii_rtrim(fixed.cast(pa.binary()).cast(_TEXT), characters=" ")

    def read(self, names: Sequence[str], reader: Callable[[Line], Any], kind: Any = _TEXT) -> Any:
        """What a reader of one record makes of these columns, once for each different content."""
        widths = [self.layout.spans[name][1] - self.layout.spans[name][0] + 1 for name in names]

        def of(content: bytes) -> Any:
            fields: dict[str, object] = {}
            place = 0
            for name, width in zip(names, widths, strict=True):
                piece = content[place : place + width].rstrip(b" ")
                place += width
                if not piece.isascii():
                    return None
                if piece:
                    fields[name] = piece.decode("ascii")
            line = Line(self.layout, 1, fields, blocks.nothing_lost(), "windows", self._near)
            return blocks.or_none(reader, line)

        return blocks.distinct(self.raw(*names), of, kind)

    def moments(self, name: str) -> Any:
        """Microseconds since 1970; null for what is no time."""
        return self.read([name], lambda line: line.moment(name), pa.timestamp("us", "UTC")).cast(_WHOLE)

    def amounts(self, name: str, *, signed: bool = False) -> Any:
        return self.read([name], lambda line: line.amount(name, signed=signed).amount, _WHOLE)

    def block(self, name: str) -> Any:
        """The bytes of a column."""
        first, last = self.layout.spans[name]
        return self.letters[:, first - 1 : last]

    def blank(self, name: str) -> Any:
        return np.all(self.block(name) == 32, axis=1)

    def order_numbers(self) -> Any:
        """Order numbers as integers; -1 for what is none, or is not written as all are."""
        letters = self.block("order_no")
        digits = letters[:, 2:].astype(np.int64) - 48
        held = (letters[:, 0] == ord("E")) & _UPPER[letters[:, 1]] & np.all((digits >= 0) & (digits <= 9), axis=1)
        numbers = letters[:, 1].astype(np.int64) * 10**8 + digits @ (10 ** np.arange(7, -1, -1, dtype=np.int64))
        return np.where(held, numbers, -1)

    def are_tickets(self) -> Any:
        """Whether ticket numbers are such and of their record's order."""
        letters = self.block("ticket_no")
        batch, coach = letters[:, 10], letters[:, 11:13]
        held = np.all(letters[:, :10] == self.block("order_no"), axis=1) & (batch >= ord("1")) & (batch <= ord("9"))
        return (
            held & np.all((coach >= ord("0")) & (coach <= ord("9")), axis=1) & np.all(_UPPER[letters[:, 13:]], axis=1)
        )

    def are_references(self, name: str) -> Any:
        """Whether a column holds a number as processors and merchants give them, and nothing behind its blanks."""
        letters = self.block(name)
        blank = letters == 32
        held = np.all(_REFERENCE[letters] | blank, axis=1) & ~blank[:, 0]
        return held & ~np.any(blank[:, :-1] & ~blank[:, 1:], axis=1)

    def clean(self, *but: str) -> Any:
        """Whether all columns but these are letters, digits and signs of ASCII, and the reserve is blank."""
        held = self.blank(RESERVE)
        spans = sorted(self.layout.spans[name] for name in but)
        begin = 3
        for first, last in [*spans, (self.layout.width + 1, 0)]:
            piece = self.letters[:, begin : first - 1]
            held &= np.all((piece >= 32) & (piece <= 126), axis=1)
            begin = last
        return held


class Block:
    """Transactions of ``COLUMN_READERS`` only; ``proven`` says which ones' rows :meth:`rows` gives."""

    def __init__(self, of: Transactions, cut: Callable[[Any, Layout], Any], codes: Any) -> None:
        self._of = of
        self._size = len(of.firsts)
        counts = of.behinds - of.firsts
        parents = np.repeat(np.arange(self._size), counts)
        lines = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + of.firsts[parents]
        found = {}
        for code in COLUMN_READERS:
            places = np.flatnonzero(codes[lines] == int.from_bytes(code.encode(), "big"))
            layout = RECORDS[code]
            found[code] = Cut(layout, cut(lines[places], layout), parents[places], of.near)
        self._sales, self._payments, self._returns, self._repayments = (found[code] for code in COLUMN_READERS)
        self._numbers = self._order_numbers()
        held = [np.bincount(self._sales.parents, minlength=self._size) > 0]
        for part, proven in (
            (self._sales, self._sales_are_proven()),
            (self._payments, self._payments_are_proven()),
            (self._returns, self._returns_are_proven()),
            (self._repayments, self._repayments_are_proven()),
        ):
            held.append(blocks.per_parent(proven, part.parents, self._size))
        self.proven = blocks.all_of(*held, self._one_seller())

    # --- what is proven

    def _order_numbers(self) -> Any:
        """Each transaction's order number by its first sale; null for one without."""
        numbers = self._sales.text("order_no")
        first = np.full(self._size, -1)
        first[self._sales.parents[::-1]] = np.arange(self._sales.count)[::-1]
        self._packed = np.zeros(self._size, dtype=np.int64)
        self._packed[self._sales.parents[::-1]] = self._sales.order_numbers()[::-1]
        return numbers.take(pa.array(first, mask=first < 0))

    def _head(self, part: Cut, *but: str) -> list[Any]:
        """What every record says: when, by whom, of which order."""
        numbers = part.order_numbers()
        return [
            part.clean(*but),
            blocks.known(part.moments("at")),
            blocks.known(part.read(["acted_in"], lambda line: line.code("acted_in", CHANNELS))),
            (numbers > 0) & (numbers == self._packed[part.parents]),
        ]

    def _once(self, part: Cut, keys: Any) -> Any:
        """Whether a key stands once in its transaction; of most there is but one record of a kind."""
        several = np.bincount(part.parents, minlength=self._size)[part.parents] > 1
        held = np.ones(part.count, dtype=bool)
        chosen = np.flatnonzero(several)
        if len(chosen):
            held[chosen] = ~blocks.doubled(part.parents[chosen], keys.take(pa.array(chosen)))
        return held

    def _sales_are_proven(self) -> Any:
        sale = self._sales
        self._tickets = sale.text("ticket_no")
        self._sold_at, self._fares = sale.moments("at"), sale.amounts("fare")
        self._sold_in = sale.read(["sold_in"], lambda line: line.code("sold_in", CHANNELS))
        self._kinds = sale.read(["document_type"], lambda line: line.code("document_type", DOCUMENT_TYPES))
        self._documents = sale.text("document_no")
        self._legs = sale.read(
            ["train_no", "train_code", "run_date", "from_station", "depart", "to_station", "arrive"], _leg
        )
        self._seats = sale.read(["seat", "berth"], _seat)
        return blocks.all_of(
            *self._head(sale, "name", RESERVE),
            sale.are_tickets(),
            self._once(sale, self._tickets),
            blocks.known(self._sold_in),
            sale.letters[:, sale.layout.spans["origin"][0] - 1] == ord("S"),
            sale.blank("replaces"),
            blocks.known(sale.read(["ticket_type"], lambda line: line.code("ticket_type", TICKET_TYPES))),
            blocks.known(self._kinds),
            blocks.documents(self._kinds, self._documents),
            blocks.known(blocks.distinct(sale.raw("name"), _name, pa.bool_())),
            blocks.known(self._legs),
            blocks.known(self._seats),
            blocks.known(self._fares),
            blocks.known(sale.amounts("surcharge")),
            sale.blank("pickup_code") | sale.are_references("pickup_code"),
            sale.blank("limit"),
        )

    def _one_seller(self) -> Any:
        """Whether all tickets of a transaction were sold by one channel."""
        codes = pc.dictionary_encode(self._sold_in, null_encoding="encode").indices.to_numpy(zero_copy_only=False)
        low, high = np.full(self._size, 1 << 30), np.full(self._size, -1)
        np.minimum.at(low, self._sales.parents, codes)
        np.maximum.at(high, self._sales.parents, codes)
        return low == high

    def _payments_are_proven(self) -> Any:
        payment = self._payments
        self._paid_to, self._paid, self._paid_at = (
            _processors(payment),
            payment.amounts("amount"),
            payment.moments("at"),
        )
        self._paid_ref = payment.text("payment_ref")
        return blocks.all_of(
            *self._head(payment, RESERVE),
            blocks.known(self._paid_to),
            blocks.known(payment.read(["method"], lambda line: line.code("method", METHODS))),
            payment.are_references("payment_ref"),
            blocks.known(self._paid),
            self._once(payment, blocks.joined("|", self._paid_to, self._paid_ref)),
        )

    def _returns_are_proven(self) -> Any:
        given = self._returns
        self._returned = given.text("ticket_no")
        return blocks.all_of(
            *self._head(given, RESERVE),
            given.are_tickets(),
            self._once(given, self._returned),
            self._among(given, self._returned, self._sales, self._tickets),
            given.blank("refund_ref") | given.are_references("refund_ref"),
            blocks.known(given.amounts("fare")),
        )

    def _repayments_are_proven(self) -> Any:
        repaid = self._repayments
        gross, self._kept = repaid.amounts("gross"), repaid.amounts("fee")
        self._given = pc.negate(repaid.amounts("net", signed=True))
        self._given_by, self._given_ref, self._given_at = (
            _processors(repaid),
            repaid.text("refund_ref"),
            repaid.moments("at"),
        )
        return blocks.all_of(
            *self._head(repaid, RESERVE),
            blocks.known(self._given_by),
            repaid.are_references("refund_ref"),
            pc.greater_equal(self._given, 0),
            pc.equal(gross, pc.add(self._kept, self._given)),
            self._once(repaid, blocks.joined("|", self._given_by, self._given_ref)),
        )

    def _among(self, part: Cut, keys: Any, others: Cut, other_keys: Any) -> Any:
        """Which keys stand among the other records of the same transaction too."""
        if part.count == 0 or others.count == 0:
            return np.zeros(part.count, dtype=bool)
        both = pa.concat_arrays([keys, other_keys])
        codes = pc.dictionary_encode(both).indices.to_numpy(zero_copy_only=False).astype(np.int64)
        ours = part.parents * len(both) + codes[: len(keys)]
        return np.isin(ours, others.parents * len(both) + codes[len(keys) :])

    # --- the rows

    def rows(self) -> Iterator[Any]:
        """Record batches of the proven transactions' tickets, payments and repayments."""
        sale = self._sales
        parts = pc.split_pattern(self._legs.fill_null("  "), " ")
        given_back = self._among(sale, self._tickets, self._returns, self._returned)
        shared = self._shared()
        yield from self._batches(
            sale,
            shared,
            {
                "key": self._tickets,
                "kind": "ticket",
                "at": self._sold_at,
                "amount": self._fares,
                "state": pc.if_else(pa.array(given_back), "refunded", "issued"),
                "seat": pc.if_else(pc.equal(self._seats, ""), pa.scalar(None, _TEXT), self._seats),
                "train_run": pc.list_element(parts, 0),
                "leg_departs": _number(pc.list_element(parts, 1)),
                "leg_arrives": _number(pc.list_element(parts, 2)),
                "document": blocks.joined("|", self._kinds, self._documents),
            },
        )
        money = (
            (self._payments, "payment", self._paid_to, self._paid_ref, self._paid_at, self._paid, None),
            (self._repayments, "refund", self._given_by, self._given_ref, self._given_at, self._given, self._kept),
        )
        for part, kind, processor, ref, at, amount, kept in money:
            other = blocks.joined("|", processor, self._numbers.take(pa.array(part.parents)))
            key = blocks.joined("|", processor, ref)
            said = {"key": key, "kind": kind, "at": at, "amount": amount, "other_key": other}
            if kept is not None:
                said["fee"] = pc.multiply(kept, 1000)
            yield from self._batches(part, shared, said)

    def _shared(self) -> dict[str, Any]:
        """What all rows of a transaction have in common, one value for each transaction."""
        of = self._of
        first = np.full(self._size, np.iinfo(np.int64).max)
        np.minimum.at(first, self._sales.parents, self._sold_at.fill_null(0).to_numpy(zero_copy_only=False))
        seller = np.zeros(self._size, dtype=np.int64)
        seller[self._sales.parents] = np.arange(self._sales.count)
        running = pc.utf8_lpad(pa.array(of.running).cast(_TEXT), 6, "0")
        words = ["lines ", pa.array(of.firsts + 1).cast(_TEXT), "-", pa.array(of.behinds).cast(_TEXT)]
        words += [", transaction ", running, " of ", pa.array(of.names)]
        return {
            "order_no": self._numbers,
            "seller": self._sold_in.take(pa.array(seller)) if self._sales.count else pa.nulls(self._size, _TEXT),
            "sold_on": blocks.local_days(first),
            "place": pc.binary_join_element_wise(*words, ""),
        }

    def _batches(self, part: Cut, shared: dict[str, Any], said: dict[str, Any]) -> Iterator[Any]:
        chosen = np.flatnonzero(self.proven[part.parents])
        parents = pa.array(part.parents[chosen])
        yield from blocks.rows_of(said, {name: shared[name].take(parents) for name in shared}, pa.array(chosen), TABLE)


def _processors(part: Cut) -> Any:
    return part.read(["processor"], lambda line: line.code("processor", PROCESSORS))


def _leg(line: Line) -> str:
    """``train|day departure arrival``, the ends in microseconds since 1970."""
    found = leg(line)
    if found.origin.at is None or found.destination.at is None:
        raise ValueError("a leg of this wire has both its times")
    ends = [int(at.timestamp()) * 1_000_000 for at in (found.origin.at, found.destination.at)]
    return f"{found.train_code}|{found.service_date.isoformat()} {ends[0]} {ends[1]}"


def _seat(line: Line) -> str:
    """``5-12A``, or "" for a seat of which not enough is known to compare it."""
    found = seat(line)
    if not found.coach or not found.number:
        return ""
    return f"{found.coach.lstrip('0') or '0'}-{found.number.lstrip('0') or '0'}"


def _name(content: bytes) -> bool | None:
    try:
        text = content.decode("gb18030").rstrip(" ")
    except UnicodeDecodeError:  # the record's own reader says where
        return None
    return True if text and text.isprintable() else None


def _number(texts: Any) -> Any:
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, _TEXT), texts).cast(_WHOLE)
