"""What stands on each page, as plain data: the page's template and its JSON twin are made from the same values."""

from datetime import timedelta
from typing import Any

from adapters.kit.registry import registered
from hub.api.desk import Desk
from hub.ports import Connectable
from hub.store import channels
from interlock.clock import system_clock
from interlock.console import booking, casing, connecting, leaving, messaging, operating, ordering
from interlock.console.asking import Ask
from interlock.console.board import Board
from interlock.console.lookup import as_uuid, find_orders
from interlock.console.messaging import MessageFilter, messages, rejections
from interlock.console.offering import offered
from interlock.wiring import Hub
from schemas.problems import ProblemError, catalogue, problem

PAGE_ROWS = 50


class Elsewhere(Exception):
    """There is exactly one thing to show, and it has a page of its own."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def _unknown() -> ProblemError:
    return ProblemError(problem("order_unknown"))


class Views:
    """One method a page; each returns plain values."""

    def __init__(self, hub: Hub, board: Board, desk: Desk) -> None:
        self._hub, self._board, self._desk = hub, board, desk

    def board(self, ask: Ask) -> dict[str, Any]:
        return self._board.view()

    def channels(self, ask: Ask) -> dict[str, Any]:
        """Every connection and how it fares, and which channel can do what."""
        return {"connections": self._board.view()["channels"], **offered()}

    def channel(self, ask: Ask) -> dict[str, Any]:
        return self.channel_page(str(ask.path["channel"]), ask.number("before"))

    def channel_page(self, name: str, before: int | None = None) -> dict[str, Any]:
        """One channel: how it fares, its terms as a form, secrets (kind and end), replays, who did what to it."""
        terms = self._desk.shown(name)
        fares = next((row for row in self._board.view()["channels"] if row["channel"] == name), None)
        if fares is None:  # connected a moment ago
            self._board.forget()
            fares = next(row for row in self._board.view()["channels"] if row["channel"] == name)
        acts = self._desk.history(name, before, connecting.HISTORY_ROWS)
        profile = self._hub.adapters[name].profile
        with self._hub.pool.connection() as connection:
            known = channels.find(connection, name)
            if known is None:
                raise ProblemError(problem("channel_unknown"))
            told = connecting.named(connection, acts, "actor")
            replays = connecting.named(connection, terms["replays"], "requested_by")
        return {
            **terms,
            "fares": fares,
            "fields": connecting.fields(connecting.set_terms(known), profile),
            "offered": sorted(profile.subscribes),
            "encoding": profile.encoding,
            "seen": connecting.seen(known),
            "replays": replays,
            "acts": told,
            "older": acts[-1]["position"] if len(acts) == connecting.HISTORY_ROWS else None,
        }

    def connect(self, ask: Ask | None = None) -> dict[str, Any]:
        """The form that connects a system: installed adapters, and which of them take many connections."""
        adapters = [{"adapter": n, "many": isinstance(i.adapter, Connectable)} for n, i in registered().items()]
        with self._hub.pool.connection() as connection:
            known = [c.channel for c in channels.every(connection)]
        return {"adapters": adapters, "connected": known}

    def cases(self, ask: Ask) -> dict[str, Any]:
        """What a person has to look at, oldest first."""
        kind = ask.text("kind")
        overdue = self._hub.clock() - timedelta(minutes=self._hub.settings.incomplete_after_minutes)
        with self._hub.pool.connection() as connection:
            rows = casing.open_cases(connection, overdue, kind, PAGE_ROWS + 1)
        return {"cases": rows[:PAGE_ROWS], "more": len(rows) > PAGE_ROWS, "kinds": casing.KINDS}

    def orders(self, ask: Ask) -> dict[str, Any]:
        """Look-up by any reference, or the latest orders."""
        text = ask.text("q")
        with self._hub.pool.connection() as connection:
            if text is None:
                before = as_uuid(ask.text("before") or "")
                rows = ordering.latest(connection, before, PAGE_ROWS)
                older = rows[-1]["order_id"] if len(rows) == PAGE_ROWS else None
                return {"q": None, "orders": rows, "older": older}
            found = find_orders(connection, text)
            rows = ordering.rows_of(connection, found)
        if len(rows) == 1:
            raise Elsewhere(f"/console/orders/{rows[0]['order_id']}")
        return {"q": text, "orders": rows, "older": None}

    def order(self, ask: Ask, clear: bool = False) -> dict[str, Any]:
        """One order, now or as it was, and its story; its people masked, unless somebody has a right to see them."""
        order_id = as_uuid(ask.path["order_id"])
        if order_id is None:
            raise _unknown()
        as_of, recorded_as_of = ask.moment("as_of"), ask.moment("recorded_as_of")
        hub = self._hub
        with hub.pool.connection() as connection:
            found = ordering.order_at(connection, order_id, as_of, recorded_as_of)
            if found is None:
                raise _unknown()
            if found.order.order_id != order_id and recorded_as_of is None:
                raise Elsewhere(f"/console/orders/{found.order.order_id}")  # it is part of that one now
            return {
                "as_of": as_of,
                "recorded_as_of": recorded_as_of,
                "order": found.shown(connection, hub.seal, clear).model_dump(mode="json"),
                "facts": ordering.facts_and_witnesses(found.document),
                "channels": [c.channel for c in channels.every(connection)],
                "accounts": ordering.balances(connection, order_id),
                "timeline": ordering.story(connection, hub.adapters, hub.seal, order_id),
                "waiting": ordering.waiting(connection, order_id),
            }

    def messages(self, ask: Ask) -> dict[str, Any]:
        """Messages by channel, outcome, code and arrival; ``outcome=rejected``: what never became one."""
        outcome = ask.text("outcome")
        wanted = MessageFilter(
            ask.text("channel"), outcome, ask.text("code"), ask.text("arrival"), ask.number("before"), PAGE_ROWS
        )
        with self._hub.pool.connection() as connection:
            rows = (rejections if outcome == "rejected" else messages)(connection, wanted)
            return {
                "messages": rows,
                "older": rows[-1]["position"] if len(rows) == PAGE_ROWS else None,
                "codes": sorted(catalogue()),
                "channels": [c.channel for c in channels.every(connection)],
            }

    def message(self, ask: Ask, clear: bool = False) -> dict[str, Any]:
        """One message: native beside canonical, what it changed, and the deliveries that it caused."""
        with self._hub.pool.connection() as connection:
            position = _position(ask)
            reader = messaging.Reader(connection, self._hub.adapters, self._hub.seal, clear)
            found = reader.message(position) if position else None
        if found is None:
            raise _unknown()
        return found

    def rejection(self, ask: Ask, clear: bool = False) -> dict[str, Any]:
        """What never became a message, as far as it was kept."""
        with self._hub.pool.connection() as connection:
            position = _position(ask)
            reader = messaging.Reader(connection, self._hub.adapters, self._hub.seal, clear)
            found = reader.rejection(position) if position else None
        if found is None:
            raise _unknown()
        return found

    def deadletters(self, ask: Ask) -> dict[str, Any]:
        """Deliveries that were given up or wait, oldest first."""
        wanted = operating.ExceptionFilter(
            ask.text("channel"), ask.text("state"), ask.text("type"), ask.text("error"), ask.number("after") or 0,
            ask.text("of") or "", PAGE_ROWS,
        )  # fmt: skip
        with self._hub.pool.connection() as connection:
            rows = operating.exceptions(connection, wanted)
            return {
                "letters": rows,
                "later": [rows[-1]["event"], rows[-1]["channel"]] if len(rows) == PAGE_ROWS else None,
                "channels": [c.channel for c in channels.every(connection)],
                "types": operating.event_types(connection),
            }

    def logouts(self, ask: Ask) -> dict[str, Any]:
        """Applications that were or are to be told that a login ended; those that could not be, oldest first."""
        with self._hub.pool.connection() as connection:
            return leaving.logouts(connection, system_clock(), PAGE_ROWS)

    def files(self, ask: Ask) -> dict[str, Any]:
        with self._hub.pool.connection() as connection:
            rows = operating.dropped_files(
                connection, ask.text("channel"), ask.text("outcome"), ask.number("before"), PAGE_ROWS
            )
        return {"files": rows, "older": rows[-1]["position"] if len(rows) == PAGE_ROWS else None}

    def books(self, ask: Ask) -> dict[str, Any]:
        """The trial balance of a day, a range or all time, as of any time."""
        with self._hub.pool.connection() as connection:
            return booking.balance(connection, ask)

    def account(self, ask: Ask) -> dict[str, Any]:
        """An account's lines, the newest first."""
        with self._hub.pool.connection() as connection:
            return booking.account(connection, ask, PAGE_ROWS)

    def owing(self, ask: Ask) -> dict[str, Any]:
        """What an order's passenger owes or is owed, fact by fact."""
        order_id = as_uuid(ask.path["order_id"])
        with self._hub.pool.connection() as connection:
            found = booking.owed(connection, order_id, ask) if order_id else None
        if found is None:
            raise _unknown()
        return found


def _position(ask: Ask) -> int | None:
    text = str(ask.path["position"])
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
