"""What stands on each page, as plain data: the page's template and its JSON twin are made from the same values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from hub.store import channels
from interlock.console import operating, ordering, reconciling
from interlock.console.board import Board
from interlock.console.lookup import as_uuid, find_orders
from interlock.console.messaging import MessageFilter, message_shown, messages, rejection_shown, rejections
from interlock.console.offering import offered
from interlock.wiring import Hub
from reconciliation.cases import BreakFilter
from schemas.problems import ProblemError, catalogue, problem

PAGE_ROWS = 50


@dataclass(frozen=True, slots=True)
class Ask:
    """What a page was asked for: parameters of its address and of its query."""

    path: Mapping[str, Any]
    query: Mapping[str, str]

    def text(self, name: str) -> str | None:
        return self.query.get(name, "").strip()[:200] or None

    def number(self, name: str) -> int | None:
        text = self.text(name)
        if text is None:
            return None
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            raise _invalid(f"{name} is a whole number.")
        return int(text)

    def day(self, name: str) -> date | None:
        text = self.text(name)
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            raise _invalid(f"{name} is a date such as 2026-01-09.") from None

    def moment(self, name: str) -> datetime | None:
        """A time with its offset; what a browser's date field sends without one is Beijing time."""
        text = self.text(name)
        try:
            moment = datetime.fromisoformat(text.replace(" ", "+")) if text else None
        except ValueError:
            raise _invalid(f"{name} is a time such as 2026-01-09T14:03:00+08:00.") from None
        return moment if moment is None or moment.tzinfo else datetime.fromisoformat(f"{moment.isoformat()}+08:00")


class Elsewhere(Exception):
    """There is exactly one thing to show, and it has a page of its own."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def _invalid(detail: str) -> ProblemError:
    return ProblemError(problem("query_invalid", detail))


def _unknown() -> ProblemError:
    return ProblemError(problem("order_unknown"))


class Views:
    """One method a page; each returns plain values."""

    def __init__(self, hub: Hub, board: Board) -> None:
        self._hub, self._board = hub, board

    def board(self, ask: Ask) -> dict[str, Any]:
        return self._board.view()

    def channels(self, ask: Ask) -> dict[str, Any]:
        """Which channel can do what."""
        return offered()

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

    def order(self, ask: Ask) -> dict[str, Any]:
        """One order, now or as it was, and its story."""
        order_id = as_uuid(ask.path["order_id"])
        if order_id is None:
            raise _unknown()
        as_of, recorded_as_of = ask.moment("as_of"), ask.moment("recorded_as_of")
        hub = self._hub
        with hub.pool.connection() as connection:
            found = ordering.order_at(connection, order_id, as_of, recorded_as_of)
            if found is None:
                raise _unknown()
            return {
                "as_of": as_of,
                "recorded_as_of": recorded_as_of,
                "order": found.order.model_dump(mode="json"),
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

    def message(self, ask: Ask) -> dict[str, Any]:
        with self._hub.pool.connection() as connection:
            position = _position(ask)
            found = message_shown(connection, self._hub.adapters, self._hub.seal, position) if position else None
        if found is None:
            raise _unknown()
        return found

    def rejection(self, ask: Ask) -> dict[str, Any]:
        with self._hub.pool.connection() as connection:
            position = _position(ask)
            found = rejection_shown(connection, self._hub.adapters, self._hub.seal, position) if position else None
        if found is None:
            raise _unknown()
        return found

    def deadletters(self, ask: Ask) -> dict[str, Any]:
        """Deliveries that were given up or wait, oldest first."""
        with self._hub.pool.connection() as connection:
            after = (ask.number("after") or 0, ask.text("of") or "")
            rows = operating.exceptions(connection, ask.text("channel"), ask.text("state"), after, PAGE_ROWS)
            return {
                "letters": rows,
                "later": [rows[-1]["event"], rows[-1]["channel"]] if len(rows) == PAGE_ROWS else None,
                "channels": [c.channel for c in channels.every(connection)],
            }

    def files(self, ask: Ask) -> dict[str, Any]:
        with self._hub.pool.connection() as connection:
            rows = operating.dropped_files(
                connection, ask.text("channel"), ask.text("outcome"), ask.number("before"), PAGE_ROWS
            )
        return {"files": rows, "older": rows[-1]["position"] if len(rows) == PAGE_ROWS else None}

    def recon(self, ask: Ask) -> dict[str, Any]:
        """A day's runs, its breaks by kind and state, and the breaks."""
        pool = self._hub.pool
        with pool.connection() as connection:
            day = ask.day("date") or reconciling.latest_date(connection)
            dates = reconciling.dates(connection)
            if day is None:
                return {"date": None, "dates": dates, "runs": [], "kinds": [], "breaks": [], "later": None}
            runs = reconciling.latest_runs(connection, day)
            kinds = reconciling.by_kind(connection, day)
        wanted = BreakFilter(
            business_date=day,
            definition=ask.text("definition"),
            kind=ask.text("kind"),
            state=ask.text("state"),
            order_no=ask.text("order_no"),
            after=ask.number("after") or 0,
            limit=PAGE_ROWS,
        )
        rows = reconciling.breaks(pool, wanted)
        later = rows[-1]["seq"] if len(rows) == PAGE_ROWS else None
        return {"date": day, "dates": dates, "runs": runs, "kinds": kinds, "breaks": rows, "later": later}

    def one_break(self, ask: Ask) -> dict[str, Any]:
        break_id = as_uuid(ask.path["break_id"])
        if break_id is None:
            raise ProblemError(problem("break_unknown"))
        found = reconciling.one_break(self._hub.pool, break_id)
        with self._hub.pool.connection() as connection:
            orders = find_orders(connection, found["order_no"]) if found["order_no"] else []
        return found | {"order_id": _text(orders[0]) if orders else None}


def _position(ask: Ask) -> int | None:
    text = str(ask.path["position"])
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _text(order_id: UUID) -> str:
    return str(order_id)
