"""What can be changed from the console, and what may be seen of people by an act that is written down.

Each act gets who acts (verified, and allowed by the table of the router) and the form; it answers where to go next, or
what to show: a secret is shown once, so there is no address that would show it again.
"""

from collections.abc import Callable, Mapping
from typing import Any, get_args

from hub.api import Principal
from hub.api.bodies import Changes, Range, Registration, Rotation, Switch
from hub.api.desk import Desk
from hub.store.deliveries import Letters
from interlock.clock import system_clock
from interlock.console import booking, connecting
from interlock.console.answering import Done, Shown
from interlock.console.asking import Ask, Form, invalid
from interlock.console.board import Board
from interlock.console.login import Staff
from interlock.console.lookup import as_uuid
from interlock.console.views import Views
from interlock.wiring import Hub
from schemas.problems import ProblemError
from sso import telling

WHY = ("passenger", "dispute", "fault", "authority")
"""Why somebody looks at personal data. A closed list: a free text would hold personal data itself."""


class Acts:
    """One method an act."""

    def __init__(
        self, hub: Hub, desk: Desk, views: Views, board: Board, must_be_sure: Callable[[Principal], None]
    ) -> None:
        """``must_be_sure`` raises ``StepUpNeeded`` for a login that is not good enough for an act of weight."""
        self._hub, self._desk, self._views, self._board = hub, desk, views, board
        self._must_be_sure = must_be_sure

    # --- a channel ----------------------------------------------------------------------------------------------

    def register(self, staff: Staff, form: Form) -> Done:
        """Connect a system, and show its secret this once."""
        values: dict[str, Any] = {name: form.text(name) for name in ("channel", "adapter", "endpoint", "history_from")}
        values["codes"] = [line.strip() for line in form.long("codes").splitlines() if line.strip()]
        try:
            wanted = connecting.body_of(Registration, values | {"channel": values["channel"] or ""})
            told = self._desk.register(staff.subject, wanted)
        except ProblemError as error:
            wrong = connecting.wrong_fields(error.problem)
            kept = {name: form.long(name) for name in (*values, "codes")}
            return Shown("connect", "/console/connect", self._views.connect() | {"wrong": wrong, "kept": kept}, 400)
        self._board.forget()
        return self._channel(wanted.channel, {"told": told, "act": "registered"})

    def configure(self, staff: Staff, form: Form) -> Done:
        """Set the terms. What somebody else has changed since the page was shown is not overwritten."""
        channel = str(form.path["channel"])
        shown = self._views.channel_page(channel)
        values = connecting.changes_of(form, shown["fields"])
        try:
            if form.text("seen") != shown["seen"]:
                return self._channel(channel, {"wrong": {"": "changed_meanwhile"}, "act": "configure"}, 409)
            self._desk.configure(staff.subject, channel, connecting.body_of(Changes, values))
        except ProblemError as error:
            wrong = connecting.wrong_fields(error.problem)
            return self._channel(channel, {"wrong": wrong, "kept": values, "act": "configure"}, 400)
        self._board.forget()
        return f"/console/channels/{channel}?done=configured"

    def rotate(self, staff: Staff, form: Form) -> Done:
        """A new secret, shown this once. A form that was sent twice makes one."""
        channel = str(form.path["channel"])
        shown = self._views.channel_page(channel)
        if form.text("seen") != shown["seen"]:
            return self._channel(channel, {"wrong": {"": "changed_meanwhile"}, "act": "rotate"}, 409)
        if form.text("sure") is None:
            return self._channel(channel, {"wrong": {"sure": "confirm_first"}, "act": "rotate"}, 400)
        values = {name: form.text(name) for name in ("kind", "overlap_hours", "public_key")}
        try:
            told = self._desk.rotate(staff.subject, channel, connecting.body_of(Rotation, values))
        except ProblemError as error:
            wrong = connecting.wrong_fields(error.problem)
            return self._channel(channel, {"wrong": wrong, "kept": values, "act": "rotate"}, 400)
        return self._channel(channel, {"told": told, "act": "rotated"})

    def switch(self, staff: Staff, form: Form) -> Done:
        """Pause, resume or disable. Who holds a channel says why; the board's buttons hold none."""
        channel, act = str(form.path["channel"]), form.text("act")
        wanted: Switch | None = next((known for known in get_args(Switch) if known == act), None)
        if wanted is None:
            raise invalid("act", "is pause, resume or disable")
        reason = form.text("reason")
        if wanted != "resume" and reason is None:
            return self._channel(channel, {"wrong": {"reason": "reason_needed"}, "act": "switch"}, 400)
        self._desk.switch(staff.subject, channel, wanted, reason)
        self._board.forget()
        return f"/console/channels/{channel}?done={wanted}"

    def test(self, staff: Staff, form: Form) -> Done:
        """Send a test message and show what went out and what came back."""
        channel = str(form.path["channel"])
        try:
            trial = self._desk.test(staff.subject, channel)
        except ProblemError as error:
            return self._channel(channel, {"wrong": {"": error.problem.detail}, "act": "test"}, error.problem.status)
        return self._channel(channel, {"trial": trial, "act": "tested"})

    def replay(self, staff: Staff, form: Form) -> Done:
        """Count a range of events, or send it again."""
        channel = str(form.path["channel"])
        kept = {name: form.text(name) for name in ("since", "until", "order_id")}
        types = form.chosen("event_types")
        values: dict[str, Any] = {"order_id": kept["order_id"], "dry_run": "count" in form}
        try:
            values |= {"since": form.moment("since"), "until": form.moment("until"), "event_types": types or None}
            found = self._desk.replay(staff.subject, channel, connecting.body_of(Range, values))
        except ProblemError as error:
            wrong = connecting.wrong_fields(error.problem)
            data = {"wrong": wrong, "kept": kept | {"event_types": types}, "act": "replay"}
            return self._channel(channel, data, 400)
        if not values["dry_run"]:
            return f"/console/channels/{channel}?done=replay&count={found['events']}"
        return self._channel(channel, {"found": found, "kept": kept | {"event_types": types}, "act": "counted"})

    def _channel(self, channel: str, more: Mapping[str, Any], status: int = 200) -> Shown:
        """The channel's page as it is now, with what the act has to say."""
        return Shown("channel", f"/console/channels/{channel}", {**self._views.channel_page(channel), **more}, status)

    # --- dead letters -------------------------------------------------------------------------------------------

    def revive(self, staff: Staff, form: Form) -> Done:
        """One dead letter (``event``), those that fit the filter of the page, or all of a channel."""
        order_id = form.text("order_id")
        if order_id is not None and as_uuid(order_id) is None:
            raise invalid("order_id", "is the id of an order")
        letters = Letters(
            event=form.number("event"),
            order_id=as_uuid(order_id) if order_id else None,
            event_types=form.chosen("type") or None,
            since=form.moment("since"),
            until=form.moment("until"),
            error=form.text("error"),
        )
        done = self._desk.revive(staff.subject, form.text("channel") or "", letters)
        self._board.forget()
        return f"/console/deadletters?done=replayed&count={done['replayed']}"

    # --- logouts ------------------------------------------------------------------------------------------------

    def tell_again(self, staff: Staff, form: Form) -> Done:
        """Tell an application again of the logouts that were given up."""
        client_id = form.text("client") or ""
        with self._hub.pool.connection() as connection:
            count = telling.retry(connection, [client_id], system_clock())
            if count:
                self._hub.audit.record(
                    connection, system_clock(), staff.subject, "logout.retry", client_id, {"count": count}
                )
        return f"/console/logouts?done=told&count={count}"

    # --- people -------------------------------------------------------------------------------------------------

    def look_at_order(self, staff: Staff, form: Form) -> Done:
        """The order with the names, numbers and telephones of its people."""
        why, order_id = self._why(form), str(form.path["order_id"])
        data = self._views.order(Ask({"order_id": order_id}, {}), clear=True)
        self._write_down(staff, "order.look", order_id, why)
        return Shown("order", f"/console/orders/{order_id}", data | {"looked": why})

    # --- the books ----------------------------------------------------------------------------------------------

    def withdraw(self, staff: Staff, form: Form) -> Done:
        """Propose that a fact of an order is withdrawn; a second person has to approve."""
        return booking.propose(self._hub, staff.subject, form)

    def decide_withdrawal(self, staff: Staff, form: Form) -> Done:
        """Approve or reject what somebody else proposed."""
        self._must_be_sure(staff.principal)
        return booking.decide(self._hub, staff.subject, form)

    # --- what is personal ---------------------------------------------------------------------------------------

    def look_at_message(self, staff: Staff, form: Form) -> Done:
        """One message as it was received."""
        why, position = self._why(form), str(form.path["position"])
        data = self._views.message(Ask({"position": position}, {}), clear=True)
        self._write_down(staff, "message.look", position, why)
        return Shown("message", f"/console/messages/{position}", data | {"looked": why})

    def look_at_rejection(self, staff: Staff, form: Form) -> Done:
        """The kept head of what never became a message, as it was received."""
        why, position = self._why(form), str(form.path["position"])
        data = self._views.rejection(Ask({"position": position}, {}), clear=True)
        self._write_down(staff, "rejection.look", position, why)
        return Shown("message", f"/console/rejections/{position}", data | {"looked": why})

    @staticmethod
    def _why(form: Form) -> str:
        why = form.text("why")
        if why not in WHY:
            raise invalid("why", f"is one of {', '.join(WHY)}")
        return why

    def _write_down(self, staff: Staff, action: str, subject: str, why: str) -> None:
        """Before anything is shown: who cannot be written down sees nothing."""
        with self._hub.pool.connection() as connection:
            self._hub.audit.record(connection, self._hub.clock(), staff.subject, action, subject, {"why": why})
