"""A person is erased: nobody can read him any more, and nothing that happened changes."""

import contextlib
import re
import threading
from datetime import UTC, datetime, timedelta

import pytest

from hub.intake import Intake
from hub.intake.erasing import Eraser, Extent
from hub.intake.holds import expire_holds
from hub.ledger import fold
from hub.store import orders, persons, remembered, subjects
from hub.store.audit import Audit
from hub.store.checks import ledger_complaints, ledger_digest
from hub.store.persons import Whom
from interlock.wiring import new_id
from schemas.facts import Passenger, TicketIssued, WaitlistAlternative, WaitlistRequested
from schemas.model import altered
from schemas.observation import Observation
from schemas.order import Order
from schemas.personal import ERASED
from schemas.problems import ProblemError
from tests.hub.railway import CHANNELS, Railway, Speaker, captured, content, hold, observation, passenger, sale

AFTER = timedelta(days=10)
ADAPTERS = {name: Speaker(name) for name in CHANNELS}


def whom(person: Passenger) -> Whom:
    return Whom(person.document.type, person.document.number)


def eraser(railway: Railway) -> Eraser:
    return Eraser(ADAPTERS, railway.seal, Audit(b"a" * 32), railway.clock, lambda: datetime.now(UTC))


def erase(railway: Railway, person: Passenger, even_so: str | None = None) -> Extent:
    with railway.pool.connection() as connection:
        return eraser(railway).erase(connection, whom(person), "a-test", even_so)


def family(order_no: str, channel: str, at: datetime, one: Passenger, two: Passenger) -> Observation:
    """Two people on one order, seats 1A and 1B."""
    tickets = [
        altered(content(order_no, channel, seat=seat), {"passenger": who}) for seat, who in (("1A", one), ("1B", two))
    ]
    facts = [fact for t in tickets for fact in (TicketIssued(occurred_at=at, ticket=t), captured(t, at))]
    return observation(order_no, channel, facts, at)


def shown(railway: Railway, order_no: str) -> Order:
    """The order as those see it who may see people."""
    with railway.pool.connection() as connection:
        order_id = orders.find_by_reference(connection, "rail", "order", order_no)
        assert order_id is not None
        stored = orders.read(connection, [order_id])
        return subjects.opened_one(connection, railway.seal, fold(next(iter(stored.values())).document))


def digest(railway: Railway) -> str:
    with railway.pool.connection() as connection:
        assert ledger_complaints(connection) == []
        return ledger_digest(connection, ADAPTERS, railway.seal).digest


def readable(railway: Railway) -> dict[str, bool]:
    """message id -> whether anybody can open it."""
    with railway.pool.connection() as connection:
        rows = connection.execute("SELECT message_id, raw FROM hub.messages ORDER BY position").fetchall()
        raws = subjects.opened_raw(connection, railway.seal, [bytes(raw) for _, raw in rows])
    return {message_id: raw is not None for (message_id, _), raw in zip(rows, raws, strict=True)}


def test_one_of_two_passengers_is_erased_and_the_order_stays(railway: Railway) -> None:
    stays, goes = passenger(71), passenger(72)
    railway.tell("north", "m-1", family("EW00000071", "north", railway.clock(), stays, goes))
    railway.tell("north", "m-2", sale("EW00000073", "north", railway.clock()))
    before, told = shown(railway, "EW00000071"), digest(railway)
    railway.clock.advance(AFTER)
    extent = erase(railway, goes)
    assert (extent.orders, extent.messages, extent.before) == (("EW00000071",), 1, ())
    after = shown(railway, "EW00000071")
    assert {(p.name, p.document.number, p.phone) for p in after.passengers} == {
        (stays.name, stays.document.number, stays.phone),
        (ERASED, ERASED, ERASED),
    }
    people = {"passengers"}
    assert after.model_dump(exclude=people) == before.model_dump(exclude=people)
    assert digest(railway) == told
    assert readable(railway) == {"m-1": False, "m-2": True}
    with railway.pool.connection() as connection:
        assert persons.find(connection, railway.seal, whom(goes)) == []
        assert len(persons.find(connection, railway.seal, whom(stays))) == 1
        kept = remembered.of(connection, [("north", "m-1")])["north", "m-1"]
        facts = subjects.opened(connection, railway.seal, [kept])[0].facts
        assert orders.of_person(connection, 9, phone=railway.seal.blind(str(goes.phone))) == []
        assert connection.execute("SELECT action, detail->>'messages' FROM hub.audit").fetchall() == [
            ("person.erase", "1")
        ]
    assert [f.ticket.passenger.name for f in facts if isinstance(f, TicketIssued)] == [stays.name, ERASED]
    assert goes.document.number not in str(kept)
    assert stays.document.number not in str(kept), "the others are sealed in it"


def test_who_was_erased_and_buys_again_is_another_person(railway: Railway) -> None:
    """With a pseudonym and a key of his own; also for a process that still had the old key in memory."""
    person = passenger(74)
    railway.tell("north", "m-1", sale("EW00000074", "north", railway.clock()))
    railway.clock.advance(AFTER)
    erase(railway, person)
    repeated = railway.tell("north", "m-1", sale("EW00000074", "north", railway.clock() - AFTER))
    assert repeated.outcome == "duplicate"
    with railway.pool.connection() as connection:
        assert persons.find(connection, railway.seal, whom(person)) == [], "a message that came again names nobody anew"
    again = content("EW00000075", "north", seat="2A")
    fact = TicketIssued(occurred_at=railway.clock(), ticket=altered(again, {"passenger": person}))
    railway.tell("north", "m-2", observation("EW00000075", "north", [fact], railway.clock()))
    assert readable(railway) == {"m-1": False, "m-2": True}
    assert shown(railway, "EW00000075").passengers[0].name == person.name
    assert shown(railway, "EW00000074").passengers[0].name == ERASED
    with railway.pool.connection() as connection:
        (found,) = persons.find(connection, railway.seal, whom(person))
        assert len(persons.orders_of(connection, found)) == 1


def test_later_news_of_his_order_bring_no_index_back(railway: Railway) -> None:
    """A refund a month later names a ticket, not the passenger: nothing leads to him again."""
    railway.tell("north", "m-1", sale("EW00000076", "north", railway.clock()))
    railway.clock.advance(AFTER)
    erase(railway, passenger(76))
    paid = captured(content("EW00000076", "north"), railway.clock())
    told = railway.tell(
        "south", "s-1", observation("EW00000076", "south", [altered(paid, {"processor_ref": "7"})], railway.clock())
    )
    assert told.outcome == "applied"
    with railway.pool.connection() as connection:
        assert connection.execute("SELECT phone FROM hub.tickets").fetchall() == [(None,)]
    digest(railway)


def test_a_person_with_business_is_erased_only_for_a_reason(railway: Railway) -> None:
    railway.tell("north", "m-1", sale("EW00000077", "north", railway.clock()))
    with pytest.raises(ProblemError, match=r"tickets EW\d+1050012A|tickets EW00000077") as refused:
        erase(railway, passenger(77))
    assert refused.value.problem.code == "person_has_business"
    assert readable(railway) == {"m-1": True}
    extent = erase(railway, passenger(77), "a court's order, call 19900000001")
    assert len(extent.valid) == 1
    with railway.pool.connection() as connection:
        assert connection.execute("SELECT reason FROM hub.erasures").fetchall() == [
            ("a court's order, call 199********",)
        ]


def test_nobody_by_that_number(railway: Railway) -> None:
    with pytest.raises(ProblemError) as refused:
        erase(railway, passenger(78))
    assert refused.value.problem.code == "person_unknown"


def test_by_telephone_if_it_is_one_persons(railway: Railway) -> None:
    one, two = passenger(79), altered(passenger(80), {"phone": passenger(79).phone})
    railway.tell("north", "m-1", sale("EW00000079", "north", railway.clock()))
    railway.clock.advance(AFTER)
    by_phone = Whom(phone=one.phone)
    with railway.pool.connection() as connection:
        assert eraser(railway).extent(connection, by_phone).orders == ("EW00000079",)
    railway.tell("north", "m-2", family("EW00000080", "north", railway.clock(), one, two))
    with railway.pool.connection() as connection, pytest.raises(ProblemError) as refused:
        eraser(railway).extent(connection, by_phone)
    assert refused.value.problem.code == "person_not_unique"


def test_people_without_a_ticket_are_found_too(railway: Railway) -> None:
    """Of a refused ask, of a waitlist, of a ticket that turned out to be somebody else's."""
    now = railway.clock()
    railway.tell("north", "m-1", sale("EW00000081", "north", now))
    lost = railway.tell("south", "s-1", hold("EW00000082", "south", now))
    assert lost.body["code"] == "seat_already_sold"
    wished = content("EW00000083", "west", seat="3A")
    request = WaitlistRequested(
        occurred_at=now,
        waitlist_ref="W1",
        alternatives=(WaitlistAlternative(leg=wished.leg, seat_class="second"),),
        passengers=(passenger(83),),
        prepaid=wished.fare_gross,
        realise_by=now + timedelta(days=1),
        point_of_sale=wished.point_of_sale,
    )
    railway.tell("west", "w-1", observation("EW00000083", "west", [request], now))
    first, second = (
        observation("EW00000084", "east", [TicketIssued(occurred_at=now, ticket=altered(t, {"passenger": who}))], at)
        for t, who, at in (
            (content("EW00000084", "east", seat="4A"), passenger(84), now),
            (content("EW00000084", "east", seat="4A"), passenger(85), now + timedelta(minutes=1)),
        )
    )
    railway.tell("east", "e-1", first)
    railway.tell("east", "e-2", second)
    railway.clock.advance(AFTER)
    expire_holds(railway.intake, railway.pool, railway.clock)
    told = digest(railway)
    for number in (82, 83, 84):
        assert erase(railway, passenger(number), "asked for").messages == 1
    assert digest(railway) == told, "also of whom the refused ask wanted to seat"
    assert readable(railway) == {"m-1": True, "s-1": False, "w-1": False, "e-1": False, "e-2": True}


def test_a_second_process_forgets_the_key_at_once(railway: Railway) -> None:
    """Its next message is sealed under a new one: nothing is ever written that nobody can read."""
    other = Intake(railway.pool, ADAPTERS, railway.seal, new_id)
    person = passenger(86)
    other.take([railway.receipt("north", "m-1", sale("EW00000086", "north", railway.clock()))])
    railway.clock.advance(AFTER)
    erase(railway, person)
    again = altered(content("EW00000087", "north", seat="9A"), {"passenger": person})
    fact = TicketIssued(occurred_at=railway.clock(), ticket=again)
    other.take([railway.receipt("north", "m-2", observation("EW00000087", "north", [fact], railway.clock()))])
    assert readable(railway) == {"m-1": False, "m-2": True}
    assert shown(railway, "EW00000087").passengers[0].name == person.name


def test_erasing_under_traffic_loses_nothing_that_comes_after(railway: Railway) -> None:
    """Two processes sell to one person while he is erased again and again; what was committed after it is readable."""
    person, stop = passenger(88), threading.Event()
    failures: list[str] = []
    sold: list[str] = []

    def sell(channel: str, first: int) -> None:
        intake = Intake(railway.pool, ADAPTERS, railway.seal, new_id)
        for number in range(first, first + 400):
            if stop.is_set():
                return
            order_no = f"EW{number:08d}"
            ticket = altered(
                content(order_no, channel, seat=f"{number % 1000}A", coach=f"{number // 1000}"), {"passenger": person}
            )
            said = observation(
                order_no, channel, [TicketIssued(occurred_at=railway.clock(), ticket=ticket)], railway.clock()
            )
            (answer,) = intake.take([railway.receipt(channel, order_no, said)])
            sold.append(order_no)
            if answer.status != 200:
                failures.append(f"{order_no}: {answer.body}")

    sellers = [
        threading.Thread(target=sell, args=("north", 10_000)),
        threading.Thread(target=sell, args=("south", 20_000)),
    ]
    for seller in sellers:
        seller.start()
    erased = 0
    while erased < 8:
        with contextlib.suppress(ProblemError):  # nobody has sold to him since
            erase(railway, person, "again")
            erased += 1
    stop.set()
    for seller in sellers:
        seller.join()
    assert failures == []
    with railway.pool.connection() as connection:
        found = persons.find(connection, railway.seal, whom(person))
        known = {orders.find_by_reference(connection, "rail", "order", no) for no in sold}
        named = {o for item in found for o in persons.orders_of(connection, item)}
        rows = connection.execute(
            "SELECT count(*), count(DISTINCT split_part(document, '|', 2)) FROM hub.tickets"
        ).fetchone()
        (subjects_known,) = connection.execute(
            "SELECT count(*) FROM hub.tickets t JOIN hub.subjects s ON s.subject = split_part(t.document, '|', 2)::uuid"
        ).fetchone() or (0,)
    assert rows is not None
    assert rows[0] == len(sold) == subjects_known, "every ticket names a person who has, or had, a key"
    assert named <= known
    opened = readable(railway)
    with railway.pool.connection() as connection:
        last = connection.execute("SELECT max(erased_at) FROM hub.erasures").fetchone()
        later = connection.execute(
            "SELECT message_id FROM hub.messages WHERE committed_at > %s + interval '1 second'", (last or (None,))
        ).fetchall()
    assert all(opened[message_id] for (message_id,) in later)
    assert sum(opened.values()) == len(named), "readable is what came after his last erasure, and all of it"


def test_the_old_table_is_needed_to_open_what_a_backup_holds(railway: Railway) -> None:
    """The ciphertexts of a backup and the table of today: nothing opens. Only a backup of the key itself would."""
    railway.tell("north", "m-1", sale("EW00000089", "north", railway.clock()))
    with railway.pool.connection() as connection:
        (raw,) = connection.execute("SELECT raw FROM hub.messages").fetchone() or (b"",)
        (document,) = connection.execute("SELECT document::text FROM hub.orders").fetchone() or ("",)
        (key,) = connection.execute("SELECT key FROM hub.subjects WHERE blind NOT LIKE 'house%'").fetchone() or (b"",)
    railway.clock.advance(AFTER)
    extent = erase(railway, passenger(89))
    with railway.pool.connection() as connection:
        assert subjects.opened_raw(connection, railway.seal, [bytes(raw)]) == [None]
        left = connection.execute("SELECT to_jsonb(s)::text FROM hub.subjects s WHERE blind IS NULL").fetchall()
    assert len(left) == 1
    assert bytes(key).hex() not in left[0][0]
    assert railway.seal.blind(passenger(89).document.number) not in document
    assert extent.subject in document


def test_a_channel_cannot_speak_of_a_person_by_a_pseudonym(railway: Railway) -> None:
    """A name that looks sealed is a name like any other: sealed once more, shown as it was said."""
    railway.tell("north", "m-1", sale("EW00000095", "north", railway.clock()))
    with railway.pool.connection() as connection:
        (document,) = connection.execute("SELECT document::text FROM hub.orders").fetchone() or ("",)
    stolen = re.findall(r'"(sealed:2:[^"]+)"', document)
    assert len(stolen) >= 3
    fake = altered(passenger(96), {"name": stolen[0], "phone": stolen[1]})
    fake = altered(fake, {"document": altered(fake.document, {"number": stolen[2]})})
    ticket = altered(content("EW00000096", "south", seat="8A"), {"passenger": fake})
    issued = TicketIssued(occurred_at=railway.clock(), ticket=ticket)
    told = railway.tell("south", "s-1", observation("EW00000096", "south", [issued], railway.clock()))
    assert told.outcome == "applied"
    assert shown(railway, "EW00000096").passengers[0].name == stolen[0], "not the other passenger's name"
    with railway.pool.connection() as connection:
        people = connection.execute("SELECT count(DISTINCT document) FROM hub.tickets").fetchone()
    assert people == (2,)
