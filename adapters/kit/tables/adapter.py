"""The adapter of a table: reading and writing through the same columns.

What the table has no column or no word for is a loss, in both directions; nobody has to remember to say so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any, cast
from zoneinfo import ZoneInfo

from adapters.kit.reading import Record
from adapters.kit.refusing import Losses, never_raises
from adapters.kit.tables.acts import DEEDS, joined, point_of_sale
from adapters.kit.tables.codecs import Codec, Place
from adapters.kit.tables.news import Told
from adapters.kit.tables.saying import Saying
from adapters.kit.tables.silent import Always, Ignored
from adapters.kit.tables.slots import SLOTS
from adapters.kit.tables.table import Table, bound, check, check_codes, check_encoding
from adapters.kit.tables.telling import told
from adapters.kit.tables.wires import Column, Frame, Sheet
from adapters.kit.tables.wires.port import Native
from hub.ports import Act, Formatted, Part, Profile
from schemas.events import OrderEvent
from schemas.facts import Fact, PaymentFact, RefundFact
from schemas.money import Money
from schemas.observation import Observation, ReferenceClaim, Rejection
from schemas.order import Order

_Plan = tuple[tuple[str, str | None, Callable[[Record, str], Any], bool], ...]
"""Columns to be read: name, slot, reader, and whether also a blank one must be read."""
_BLANK = (None, "")


def channel(name: str, name_zh: str, name_en: str, table: Table, **more: Any) -> "TableAdapter":
    """The adapter of a table. ``more``: fields of ``hub.ports.Profile``, such as ``asks`` or ``code_tables``.

    Without them the channel tells all its acts, and hears of those events and states that its acts can say.
    Raises :class:`TableError` for a table that cannot work.
    """
    deeds = {act: DEEDS[act] for act in table.acts.values() if act in DEEDS}
    asks = frozenset(more.get("asks", ()))
    usual: dict[str, Any] = {
        "media_type": table.wire.media_type,
        "encoding": "utf-8",
        "tells": frozenset(deeds) - asks,
        "subscribes": frozenset(event for deed in deeds.values() for event in deed.events),
        "states": frozenset(state for deed in deeds.values() for state in deed.states),
        "max_message_bytes": 64_000,
    }
    profile = Profile(channel=name, name_zh=name_zh, name_en=name_en, **(usual | more))
    columns = tuple(bound(column, table, profile) for column in table.columns)
    check(table, columns)
    check_encoding(table.wire, profile.encoding)
    check_codes(profile)
    said_nothing = {c.name: c.codec.why for c in columns if isinstance(c.codec, Ignored)}
    return TableAdapter(replace(profile, ignores={**said_nothing, **profile.ignores}), table, columns)


@dataclass(frozen=True)
class TableAdapter:
    """``hub.ports``: Adapter and Splitting, of a table."""

    profile: Profile
    table: Table
    columns: tuple[Column, ...]

    def connected(self, profile: Profile) -> "TableAdapter":
        """``hub.ports.Connectable.connected``: the connection's codes come on top of the table's own."""
        lists = {*self.profile.code_tables, *profile.code_tables}
        own, theirs = self.profile.code_tables, profile.code_tables
        codes = {name: {**own.get(name, {}), **theirs.get(name, {})} for name in lists}
        check_codes(replace(profile, code_tables=codes))
        return replace(self, profile=replace(profile, code_tables=codes))

    @cached_property
    def frame(self) -> Frame:
        """What the wire must know of the connection."""
        p = self.profile
        return Frame(p.channel, p.encoding, p.max_message_bytes, self.columns, p.code_tables)

    @cached_property
    def parse(self) -> Callable[[bytes], Observation | Rejection]:
        """``hub.ports.Adapter.parse``."""
        return never_raises(self._observation)

    @cached_property
    def _plans(self) -> tuple[_Plan, _Plan]:
        """How the head is read, and how a row is."""
        of_head = self.table.wire.is_of_head
        plans = [[c for c in self.columns if of_head(c.name) == head] for head in (True, False)]
        head, rows = (
            tuple((c.name, c.slot, cast(Codec, c.codec).read, isinstance(c.codec, Always)) for c in plan)
            for plan in plans
        )
        return head, rows

    @cached_property
    def _where(self) -> dict[str, tuple[str, bool]]:
        return {c.slot: (c.name, self.table.wire.is_of_head(c.name)) for c in self.columns if c.slot}

    def split(self, raw: bytes) -> Sequence[Part] | Rejection:
        """``hub.ports.Splitting.split``."""
        return self.table.wire.split(raw, self.frame)

    # --- native -> canonical ----------------------------------------------------------------------------------------

    def _observation(self, raw: bytes) -> Observation:
        sheet = self.table.wire.read(raw, self.frame)
        said = self._said(sheet)
        facts = _facts(said)
        moments = [row.need("at") for row in said]
        first = said[0]
        where = point_of_sale(first, self.profile.channel)
        references = self._references(said, facts)
        self._finish(sheet, said)
        return Observation(
            mode=self._mode(said),
            references=references,
            occurred_at=max(moments),
            sequence=first.get("sequence", 0),
            business_date=self._local_date(max(moments)),
            point_of_sale=where,
            facts=facts,
            losses=sheet.rows[0].losses.all(),
        )

    def _said(self, sheet: Sheet) -> list[Saying]:
        """Every row's values, and those of the head in each."""
        head_plan, row_plan = self._plans
        head = _values(sheet.head, head_plan) if sheet.head is not None else {}
        said = []
        for record in sheet.rows:
            values = head | _values(record, row_plan)
            row = Saying(values, sheet.head, record, self._where, self.table.given, self.profile.channel)
            row.need("act")
            if row.get("rows", len(sheet.rows)) != len(sheet.rows):
                raise row.refuse("rows", "message_truncated", f"the message has {len(sheet.rows)} rows")
            said.append(row)
        return said

    def _references(self, said: Sequence[Saying], facts: Sequence[Fact]) -> tuple[ReferenceClaim, ...]:
        """The anchor first; every row must be of one order, and every ticket number of that order."""
        numbers = [_order_no(row) for row in said]
        for row, number in zip(said, numbers, strict=True):
            for slot in ("order_no", "ticket_no", "replaces"):
                if (row.get(slot) or numbers[0])[:10] != numbers[0]:
                    detail = f"{slot} is of another order than {numbers[0]}: one message speaks of one order"
                    raise row.refuse(slot, "identifier_invalid", detail, expected=f"{number}...")
        own = {row.get("own_order") for row in said} - {None}
        claims = [ReferenceClaim(system="rail", kind="order", value=numbers[0])]
        claims += [ReferenceClaim(system=self.profile.channel, kind="order", value=value) for value in sorted(own)]
        for fact in facts:
            if isinstance(fact, PaymentFact):
                claims.append(ReferenceClaim(system=fact.processor, kind="payment", value=fact.processor_ref))
            elif isinstance(fact, RefundFact):
                claims.append(ReferenceClaim(system=fact.processor, kind="refund", value=fact.refund_ref))
        return tuple(dict.fromkeys(claims))

    def _mode(self, said: Sequence[Saying]) -> Any:
        """Asked when every act of the message is one that this channel asks for; else it has happened there."""
        return "ask" if all(row.act in self.profile.asks for row in said) else "tell"

    def _local_date(self, moment: Any) -> date:
        return cast(date, moment.astimezone(ZoneInfo(self.profile.zone)).date())

    def _finish(self, sheet: Sheet, said: Sequence[Saying]) -> None:
        """What no column reads, and what no fact of the act has a place for, becomes a loss."""
        silent: list[set[str]] = []
        for record, row in zip(sheet.rows, said, strict=True):
            unused = row.unused()
            for slot in unused:
                if not row.is_of_head(slot):
                    record.lost(self._where[slot][0], "not_mapped", f"the act {row.act} says nothing of it")
            silent.append({slot for slot in unused if row.is_of_head(slot)})
            record.finish()
        if sheet.head is not None:
            for slot in sorted(set.intersection(*silent)):
                sheet.head.lost(self._where[slot][0], "not_mapped", "no act of this message says anything of it")
            sheet.head.finish()

    # --- canonical -> native ----------------------------------------------------------------------------------------

    def format(self, event: OrderEvent, order: Order) -> Formatted | None:
        """``hub.ports.Adapter.format``: None when the channel has no word for anything that is new."""
        losses = Losses()
        body = self.say(told(event, order, frozenset(self.table.acts.values()), losses), losses, event.sequence)
        return Formatted(body, self.profile.media_type, losses.all()) if body else None

    def say(self, rows: Sequence[Told], losses: Losses, sequence: int = 1) -> bytes:
        """The native bytes of rows of slot values; what they cannot say is added to ``losses``. Empty: nothing said."""
        most = self.table.wire.most_rows
        for row in rows[most:]:
            losses.add(f"/tickets/{row.ticket}", "not_expressible", row.act, f"a message holds {most} acts")
        counts = {"rows": len(rows[:most]), "sequence": sequence}
        written = [
            self._written(replace(row, values=row.values | counts | {"act": row.act}), losses) for row in rows[:most]
        ]
        same = [row for head, row in written if head == written[0][0]]
        if len(same) < len(written):
            losses.add("/tickets", "not_expressible", str(len(written) - len(same)), "acts that need another message")
        return self.table.wire.write(written[0][0], same, self.frame, losses) if written else b""

    def _written(self, row: Told, losses: Losses) -> tuple[Native, Native]:
        """Head and row, by column; every value without a column is a loss, unless a reader would assume it."""
        head: Native = {}
        own: Native = {}
        known = {column.slot for column in self.columns}
        for column in self.columns:
            value = row.values.get(column.slot or "")
            if value is None and column.slot:
                continue
            place = SLOTS[column.slot].place.format(t=row.ticket) if column.slot else "/"
            saying = Place(place, losses, self.profile.channel, self.profile.code_tables)
            native = cast(Codec, column.codec).write(value, saying)
            if native != "":
                (head if self.table.wire.is_of_head(column.name) else own)[column.name] = native
        for slot, value in row.values.items():
            if slot not in known and value is not None and not self._assumed(slot, value, row.values):
                place = SLOTS[slot].place.format(t=row.ticket)
                losses.add(place, "not_expressible", _shown(value), f"the table has no column for {slot}")
        return head, own

    def _assumed(self, slot: str, value: Any, values: Mapping[str, Any]) -> bool:
        """Whether a reader of the other columns knows this value anyway."""
        if slot in self.table.given:
            return bool(self.table.given[slot] == value)
        match slot:
            case "order_no":
                return bool(str(values.get("ticket_no", ""))[:10] == value)
            case "sold_in":
                return bool(value == self.profile.channel)
            case "paid_at":
                return bool(values.get("at") == value)
            case "method":
                return bool(value == "unknown")
            case "refund_gross" | "refund_net":
                others = {"refund_gross", "refund_net", "refund_fee"} - {slot}
                return bool(others <= {c.slot for c in self.columns} or values["refund_fee"].amount == 0)
            case "rows" | "sequence":
                return True
        return isinstance(value, Money) and value.amount == 0 and slot in ("service_fee", "refund_fee", "change_fee")

    @property
    def native_fields(self) -> Any:
        """How the conformance suite finds the fields of this wire (``adapters.kit.conformance.fields``)."""
        from adapters.kit.tables.native_fields import fields_of  # the suite is needed only where it runs

        return fields_of(self)


def _values(record: Record, plan: _Plan) -> dict[str, Any]:
    """The values of one record by slot; blank fields have none."""
    values: dict[str, Any] = {}
    fields = record.fields
    for name, slot, read, always in plan:
        if not always and fields.get(name) in _BLANK:
            record.take(name)
            continue
        value = read(record, name)
        if slot is not None:
            values[slot] = value
    return values


def _order_no(row: Saying) -> str:
    number = row.get("order_no") or str(row.get("ticket_no") or "")[:10]
    if not number:
        raise row.refuse("order_no", "message_malformed", "the row names neither order nor ticket")
    return str(number)


def _facts(said: Sequence[Saying]) -> tuple[Fact, ...]:
    """The facts of all rows; one that several rows state is stated once, with the tickets of all of them."""
    facts: dict[str, Fact] = {}
    for row in said:
        for fact in DEEDS[cast(Act, row.act)].facts(row):
            known = facts.get(fact.identity)
            both = fact if known is None else joined(known, fact)
            if both is None:
                raise row.refuse("act", "message_malformed", f"two rows contradict each other about {fact.identity}")
            facts[fact.identity] = both
    return tuple(facts.values())


def _shown(value: Any) -> str:
    return str(value.amount) if isinstance(value, Money) else str(value)
