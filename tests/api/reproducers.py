"""How to get every problem there is: one small function for each code of the catalogue, which really gets it.

The requests and answers are kept as text in ``interlock/documentation/problems/`` and shown in the reference. A test
plays them again and compares; ``python -m pytest tests/api/test_problems.py --write-golden`` writes them, to be read.

Business refusals are asked for by channel ``north``, which speaks the canonical contract itself; bytes that cannot be
read come from ``windows``, whose records are short. All people are invented.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import httpx
from fastapi.testclient import TestClient

from hub.api.limits import LimitOptions
from hub.delivery import sign
from hub.intake.own_voice import spoken
from hub.store import channels, requests, timetable
from interlock.web import build_app
from interlock.wiring import Hub
from schemas.facts import Stop, TicketChanged, TicketContent, TicketHeld, TicketIssued, TicketPrinted, TicketStep
from schemas.model import altered
from schemas.observation import Observation
from schemas.timetable import Train, TrainStop
from tests.api.people import bearer, channel_token, person_token
from tests.console.harness import sample
from tests.hub import test_files
from tests.hub.railway import DAY, SECRET, STOPS, Speaker, content, hold, observation, refund, sale
from tests.reconciliation.house import wechat_bill

NOON = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
ORDER = "E100000071"
TICKET = f"{ORDER}105012A"
UNKNOWN = "01890000-0000-7000-8000-000000000000"


@dataclass(frozen=True)
class Scene:
    """A hub with its application, everybody's tokens, and one train."""

    hub: Hub
    client: TestClient
    tokens: Mapping[str, str]

    def send(self, channel: str, message_id: str, raw: bytes, secret: str = SECRET) -> httpx.Response:
        """One signed message."""
        headers = sign([secret], message_id, datetime.now(UTC), raw)
        return self._of(self.client.post(f"/v1/channels/{channel}/messages", content=raw, headers=headers))

    def north(self, message_id: str, said: Observation, ask: bool = False) -> httpx.Response:
        return self.send("north", message_id, spoken(said.model_copy(update={"mode": "ask"}) if ask else said))

    def get(self, path: str, who: str = "operator", **headers: str) -> httpx.Response:
        return self._of(self.client.get(path, headers=bearer(self.tokens[who], **headers)))

    def post(self, path: str, body: Any, who: str = "operator", method: str = "POST") -> httpx.Response:
        return self._of(self.client.request(method, path, json=body, headers=bearer(self.tokens[who])))

    @staticmethod
    def _of(answer: Any) -> httpx.Response:
        """The test client's response; its types are those of httpx's successor."""
        return cast(httpx.Response, answer)


@dataclass(frozen=True)
class Dropped:
    """A file in a drop folder, and the receipt beside it."""

    name: str
    raw: bytes
    receipt: Mapping[str, Any]

    @property
    def problem(self) -> Mapping[str, Any]:
        return cast(Mapping[str, Any], self.receipt["problem"])


Reproducer = Callable[[Scene], httpx.Response | Dropped]


def prepare(hub: Hub) -> None:
    """Channel ``north`` and the train of its orders. Before the application is built."""
    hub.adapters.add(Speaker("north"))
    stops = tuple(TrainStop(station=code, arrive="08:00", depart="08:00") for code in STOPS)
    days = {"valid_from": date(2026, 1, 1), "valid_to": date(2026, 12, 31)}
    with hub.pool.connection() as connection:
        channels.register(connection, "north", None, SECRET, hub.seal, hub.clock())
        timetable.load(connection, [Train(train_code="G1", train_no="24000000G10A", stops=stops, **days)])


# --- what cannot be read ---------------------------------------------------------------------------------------------


def _unreadable(name: str) -> Reproducer:
    return lambda scene: scene.send("windows", "m-1", sample("windows", name))


def control_total_wrong(scene: Scene) -> Dropped:
    return _drop(scene, test_files.shift([test_files.sale(1, 1)], broken="shift"))


def rows_refused(scene: Scene) -> Dropped:
    bad = test_files.damaged(test_files.sale(2, 2), "depart", b"02300800")
    return _drop(scene, test_files.shift([test_files.sale(1, 1), bad]))


def _drop(scene: Scene, raw: bytes) -> Dropped:
    folder = scene.hub.data_dir / "drop" / "windows"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "VNP01-07-2.txt.writing").write_bytes(raw)
    (folder / "VNP01-07-2.txt.writing").rename(folder / "VNP01-07-2.txt")
    scene.hub.files.take_all("windows")
    (receipt,) = folder.glob("*/VNP01-07-2.txt.receipt.json")
    return Dropped("VNP01-07-2.txt", raw, json.loads(receipt.read_text(encoding="utf-8")))


# --- the door --------------------------------------------------------------------------------------------------------


def message_too_large(scene: Scene) -> httpx.Response:
    limit = scene.hub.adapters["windows"].profile.max_message_bytes
    return scene.send("windows", "m-1", b"9" * (limit + 1))


def message_id_missing(scene: Scene) -> httpx.Response:
    headers = bearer(channel_token(scene.client, "web"))
    return Scene._of(scene.client.post("/v1/channels/web/messages", content=b"{}", headers=headers))


def message_id_reused(scene: Scene) -> httpx.Response:
    scene.north("m-1", sale(ORDER, "north", NOON))
    return scene.north("m-1", sale(ORDER, "north", NOON + timedelta(minutes=1)))


def unauthenticated(scene: Scene) -> httpx.Response:
    return Scene._of(scene.client.get("/v1/events"))


def signature_invalid(scene: Scene) -> httpx.Response:
    return scene.send("north", "m-1", b"{}", "whsec_" + "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=")


def forbidden(scene: Scene) -> httpx.Response:
    return scene.get("/v1/deadletters", "finance")


def insufficient_user_authentication(scene: Scene) -> httpx.Response:
    """A login with a password alone, at an act that asks for two factors."""
    one_factor = person_token(scene.client, "admin")
    body = {"document_type": "passport", "number": "X99999999"}
    return Scene._of(scene.client.post("/v1/persons/erasures", json=body, headers=bearer(one_factor)))


def channel_unknown(scene: Scene) -> httpx.Response:
    return scene.send("fax", "m-1", b"{}")


def person_unknown(scene: Scene) -> httpx.Response:
    return scene.post("/v1/persons/erasures", {"document_type": "passport", "number": "X99999999"}, "admin")


def person_has_business(scene: Scene) -> httpx.Response:
    ticket = content(ORDER, "north")
    scene.north("m-1", observation(ORDER, "north", [TicketIssued(occurred_at=NOON, ticket=ticket)], NOON))
    number = ticket.passenger.document.number
    return scene.post("/v1/persons/erasures", {"document_type": "passport", "number": number}, "admin")


def person_not_unique(scene: Scene) -> httpx.Response:
    scene.north("m-1", sale(ORDER, "north", scene.hub.clock()))
    other = content("E100000072", "north", seat="12B")
    phone = content(ORDER, "north").passenger.phone
    ticket = altered(other, {"passenger": altered(other.passenger, {"phone": phone})})
    issued = TicketIssued(occurred_at=scene.hub.clock(), ticket=ticket)
    scene.north("m-2", observation("E100000072", "north", [issued], scene.hub.clock()))
    return scene.post("/v1/persons/erasures", {"phone": phone}, "admin")


def order_unknown(scene: Scene) -> httpx.Response:
    return scene.get("/v1/orders?system=rail&value=EW99999999")


def rate_limited(scene: Scene) -> httpx.Response:
    scene.post("/v1/channels/north", {"quota_per_minute": 1}, method="PATCH")
    scene.north("m-1", sale(ORDER, "north", NOON))
    return scene.north("m-2", sale(ORDER, "north", NOON))


def outside_operating_hours(scene: Scene) -> httpx.Response:
    # Whatever the time is: hours that end when they began an hour ago.
    now = datetime.now(UTC) + timedelta(hours=8)
    hours = {"opens_at": f"{(now.hour + 2) % 24:02}:00", "closes_at": f"{(now.hour + 4) % 24:02}:00"}
    scene.post("/v1/channels/north", hours, method="PATCH")
    return scene.north("m-1", hold(ORDER, "north", NOON))


def channel_paused(scene: Scene) -> httpx.Response:
    scene.post("/v1/channels/north/pause", {})
    return scene.north("m-1", sale(ORDER, "north", NOON))


def not_ready(scene: Scene) -> httpx.Response:
    """The database is gone: its connections are closed."""
    operator = bearer(scene.tokens["operator"])
    scene.hub.pool.close()
    return Scene._of(scene.client.get("/v1/orders?system=rail&value=EW00000101", headers=operator))


def internal(scene: Scene) -> httpx.Response:
    """A table is not where the code expects it: half a migration."""
    with scene.hub.pool.connection() as connection:
        connection.execute("ALTER TABLE hub.refs RENAME TO refs_away")
    try:
        return scene.get("/v1/orders?system=rail&value=EW00000101")
    finally:
        with scene.hub.pool.connection() as connection:
            connection.execute("ALTER TABLE hub.refs_away RENAME TO refs")


# --- what may not be -------------------------------------------------------------------------------------------------


def seat_already_sold(scene: Scene) -> httpx.Response:
    scene.north("m-1", sale(ORDER, "north", NOON))
    return scene.north("m-2", hold("E100000072", "north", NOON, legs=(2, 4)))


def train_unknown(scene: Scene) -> httpx.Response:
    asked = hold(ORDER, "north", NOON)
    (held,) = asked.facts
    assert isinstance(held, TicketHeld)
    leg = held.ticket.leg.model_copy(update={"train_code": "G999"})
    ticket = held.ticket.model_copy(update={"leg": leg})
    return scene.north("m-1", asked.model_copy(update={"facts": (held.model_copy(update={"ticket": ticket}),)}))


def paper_only_at_window(scene: Scene) -> httpx.Response:
    scene.north("m-1", sale(ORDER, "north", NOON))
    printed = TicketPrinted(occurred_at=NOON + timedelta(hours=1), ticket_no=TICKET, control_no="A000001")
    scene.north("m-2", observation(ORDER, "north", [printed], NOON + timedelta(hours=1)))
    return scene.north("m-3", refund(ORDER, "north", NOON + timedelta(hours=2), TICKET), ask=True)


def ticket_not_refundable(scene: Scene) -> httpx.Response:
    scene.north("m-1", sale(ORDER, "north", NOON))
    used = TicketStep(fact="ticket.entered", occurred_at=NOON + timedelta(hours=1), ticket_no=TICKET)
    scene.north("m-2", observation(ORDER, "north", [used], NOON + timedelta(hours=1)))
    return scene.north("m-3", refund(ORDER, "north", NOON + timedelta(hours=2), TICKET), ask=True)


def change_already_used(scene: Scene) -> httpx.Response:
    scene.north("m-1", sale(ORDER, "north", NOON))
    later, again = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
    new = f"{ORDER}105014C"
    second = TicketIssued(occurred_at=later, ticket=_exchanged(content(ORDER, "north", seat="14C")))
    changed = TicketChanged(occurred_at=later, ticket_no=TICKET, new_ticket_no=new)
    scene.north("m-2", observation(ORDER, "north", [changed, second], later))
    third = TicketChanged(occurred_at=again, ticket_no=new)
    return scene.north("m-3", observation(ORDER, "north", [third], again), ask=True)


def _exchanged(ticket: TicketContent) -> TicketContent:
    return ticket.model_copy(update={"origin": "change", "replaces": TICKET})


def too_many_tickets(scene: Scene) -> httpx.Response:
    seats = ["1A", "1B", "1C", "1D", "1F", "2A"]
    held = [hold(ORDER, "north", NOON, seat=seat).facts[0] for seat in seats]
    return scene.north("m-1", observation(ORDER, "north", held, NOON, mode="ask"))


def same_person_on_overlapping_trains(scene: Scene) -> httpx.Response:
    def timed(ticket: TicketContent, hour: int) -> TicketContent:
        begin = datetime.fromisoformat(f"{DAY}T{hour:02}:00:00+08:00")
        ends = {
            "origin": Stop(station="AAA", at=begin),
            "destination": Stop(station="GGG", at=begin + timedelta(hours=4)),
        }
        return ticket.model_copy(update={"leg": ticket.leg.model_copy(update=ends)})

    first, second = content(ORDER, "north"), content("E100000072", "north", seat="14C")
    second = second.model_copy(update={"passenger": first.passenger})
    for message, order, ticket in (("m-1", ORDER, timed(first, 8)), ("m-2", "E100000072", timed(second, 10))):
        held = TicketHeld(occurred_at=NOON, ticket=ticket, expires_at=NOON + timedelta(minutes=30))
        answer = scene.north(message, observation(order, "north", [held], NOON, mode="ask"))
    return answer


def act_not_offered(scene: Scene) -> httpx.Response:
    scene.north("m-1", hold(ORDER, "north", NOON))
    given_up = TicketStep(fact="ticket.hold_cancelled", occurred_at=NOON + timedelta(minutes=1), ticket_no=TICKET)
    return scene.north("m-2", observation(ORDER, "north", [given_up], NOON + timedelta(minutes=1)), ask=True)


# --- addresses, bodies, callers --------------------------------------------------------------------------------------


def query_invalid(scene: Scene) -> httpx.Response:
    return scene.get(f"/v1/orders/{UNKNOWN}?as_of=2026-01-11T14:03:00")


def _pause(scene: Scene, act: str = "pause") -> httpx.Response:
    headers = bearer(scene.tokens["operator"], **{"idempotency-key": "pause-1"})
    return Scene._of(scene.client.post(f"/v1/channels/north/{act}", headers=headers))


def idempotency_key_reused(scene: Scene) -> httpx.Response:
    _pause(scene)
    return _pause(scene, "resume")


def idempotency_key_in_use(scene: Scene) -> httpx.Response:
    """Another process works on it."""
    _pause(scene)
    with scene.hub.pool.connection() as connection:
        ((request,),) = connection.execute("SELECT request FROM hub.requests").fetchall()
    with requests.alone(scene.hub.pool, request) as held:
        assert held is not None
        return _pause(scene)


def idempotency_answer_lost(scene: Scene) -> httpx.Response:
    """The process was killed when the act was done, and before its answer was written down."""
    _pause(scene)
    with scene.hub.pool.connection() as connection:
        connection.execute("UPDATE hub.requests SET status = NULL, answer = NULL")
    return _pause(scene)


def break_unknown(scene: Scene) -> httpx.Response:
    return scene.get(f"/v1/recon/breaks/{UNKNOWN}", "finance")


def workbook_refused(scene: Scene) -> httpx.Response:
    """A file with headings of its own: no list of breaks that went out from here."""
    address, raw = "/v1/recon/workbooks/returned", "number,what to do\n1,write it off\n"
    headers = bearer(scene.tokens["finance"], **{"content-type": "text/csv"})
    return scene._of(scene.client.post(address, content=raw, headers=headers))


def second_person_needed(scene: Scene) -> httpx.Response:
    """A refund that nobody asked for leaves a break; who proposes what to do about it does not approve it."""
    folder = scene.hub.data_dir / "drop" / "statements" / "wechat"
    folder.mkdir(parents=True)
    bill = wechat_bill([("refund", "R9", "EW10000001", 900, datetime(2026, 3, 10, 2, tzinfo=UTC))])
    (folder / "bill.csv").write_bytes(bill)
    scene.post("/v1/recon/runs", {"business_date": "2026-03-10", "definitions": ["hub-wechat"]}, "finance")
    found = scene.get("/v1/recon/breaks", "finance").json()["breaks"]
    proposal = {"action": "write_off", "reason": "small enough"}
    made = scene.post(f"/v1/recon/breaks/{found[0]['break_id']}/resolutions", proposal, "finance").json()
    return scene.post(f"/v1/recon/resolutions/{made['resolution_id']}/approve", {}, "finance")


def resolution_unknown(scene: Scene) -> httpx.Response:
    return scene.post(f"/v1/recon/resolutions/{UNKNOWN}/approve", {}, "finance")


def close_hindered(scene: Scene) -> httpx.Response:
    """The evening of a day that nobody has reconciled."""
    order = {"business_date": "2026-03-10", "act": "close", "reason": "the day is over"}
    return scene.post("/v1/recon/closings", order, "finance")


def date_closed(scene: Scene) -> httpx.Response:
    """Two people have closed the day; then somebody wants to run it once more."""
    day, at = date(2026, 3, 10), NOON + timedelta(days=1)
    with scene.hub.pool.connection() as connection:
        connection.execute(
            "INSERT INTO recon.closings (closing_id, business_date, act, reason, proposed_by, proposed_at)"
            " VALUES (%s, %s, 'close', 'all is explained', 'anna', %s)",
            (UNKNOWN, day, at),
        )
        connection.execute(
            "UPDATE recon.closings SET state = 'done', decided_by = 'bert', decided_at = %s, done_order = 1,"
            " summary = '{}', seal = 'seal'",
            (at,),
        )
    return scene.post("/v1/recon/runs", {"business_date": "2026-03-10", "definitions": ["hub-wechat"]}, "finance")


def not_found(scene: Scene) -> httpx.Response:
    return scene.get("/v1/tickets")


def method_not_allowed(scene: Scene) -> httpx.Response:
    return Scene._of(scene.client.delete("/v1/events"))


def request_timeout(scene: Scene) -> httpx.Response:
    """A body that stops in the middle (here with a tenth of a second instead of thirty)."""

    async def stopping() -> AsyncIterator[bytes]:
        yield b'{"form": '
        await asyncio.sleep(5)

    async def ask() -> httpx.Response:
        app = build_app(scene.hub, LimitOptions(body_seconds=0.1))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8400") as client:
            headers = bearer(scene.tokens["operator"], **{"content-type": "application/json"})
            return await client.patch("/v1/channels/north", content=stopping(), headers=headers)

    return asyncio.run(ask())


def body_too_large(scene: Scene) -> httpx.Response:
    return scene.post("/v1/channels/north", {"form": "x" * (1024 * 1024)}, method="PATCH")


def headers_too_large(scene: Scene) -> httpx.Response:
    return scene.get("/v1/events", **{"x-padding": "x" * 40_000})


def body_compressed(scene: Scene) -> httpx.Response:
    body = b"(bytes of gzip)"
    headers = bearer(scene.tokens["operator"], **{"content-encoding": "gzip", "content-type": "application/json"})
    return Scene._of(scene.client.patch("/v1/channels/north", content=body, headers=headers))


def too_many_requests(scene: Scene) -> httpx.Response:
    """Every bad proof costs ten of an address's 6,000 requests a minute."""
    for _ in range(700):
        answer = scene.client.get("/v1/events", headers=bearer("guessed"))
        if answer.status_code == 429:
            break
    return Scene._of(answer)


REPRODUCERS: Mapping[str, Reproducer] = {
    "message_malformed": _unreadable("reject-reprint-without-paper"),
    "encoding_damaged": _unreadable("reject-half-a-character"),
    "message_truncated": _unreadable("reject-cut-off"),
    "unknown_code": _unreadable("reject-unknown-origin"),
    "amount_invalid": _unreadable("reject-negative-fare"),
    "time_invalid": _unreadable("reject-impossible-date"),
    "identifier_invalid": _unreadable("reject-check-digit"),
    **{
        each.__name__: each
        for each in (
            control_total_wrong, rows_refused, message_too_large, message_id_missing, message_id_reused,
            unauthenticated, insufficient_user_authentication, signature_invalid, forbidden, channel_unknown,
            order_unknown, rate_limited,
            person_unknown, person_has_business, person_not_unique,
            outside_operating_hours, channel_paused, not_ready, seat_already_sold, train_unknown,
            paper_only_at_window, ticket_not_refundable, change_already_used, too_many_tickets,
            same_person_on_overlapping_trains, act_not_offered, query_invalid, idempotency_key_reused,
            idempotency_key_in_use, idempotency_answer_lost, break_unknown, workbook_refused,
            second_person_needed,
            resolution_unknown, date_closed, close_hindered,
            not_found, method_not_allowed, request_timeout, body_too_large, headers_too_large, body_compressed,
            too_many_requests,
            internal,
        )
    },
}  # fmt: skip
"""code -> how to get it."""
