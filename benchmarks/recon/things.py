"""What truly happened: SQL for the things of a run of orders, before any side gets anything wrong.

Shapes (``Case.shape``): ``eve`` sold at 23:58 of the day before; ``late_in_agents``, ``late_in_wechat`` that side has
it a day late; ``early_in_wechat`` a day early (sold at 00:00:30); ``edge`` sold at 23:57; ``lapsed`` the hold ran out;
``web`` sold by another channel; ``touched`` the channel acted on it all the same; ``takes_next_seat`` its seat is that
of the order that follows; ``two_payments`` a second ticket and a second payment of the same amount; ``accepted`` its
difference in the fare was accepted before.
"""

from collections.abc import Callable

from benchmarks.recon.cases import CASES, Case, Thing
from benchmarks.recon.shape import World

PERSONS = 10_000
EVE_ORDERS = 10


def case_numbers(chosen: Callable[[Case], bool]) -> str:
    """The numbers of the cases that fit, as a SQL list; case 0 is an undisturbed order."""
    return ", ".join(str(n) for n, case in enumerate(CASES, start=1) if chosen(case)) or "-1"


def shaped(*words: str) -> str:
    """The cases that have one of these words in their shape."""
    return case_numbers(lambda case: bool(case.shape & set(words)))


def named(name: str) -> int:
    """The number of a case."""
    return next(n for n, case in enumerate(CASES, start=1) if case.name == name)


def _with(thing: Thing) -> str:
    return case_numbers(lambda case: thing in case.things)


def fare_of(bits: str) -> str:
    """The fare of an order's tickets, from its 64 bits: 20.00 to 620.00 yuan."""
    return f"((200 + ({bits} >> 32) % 6000)::BIGINT * 10)"


def things_sql(world: World, orders: range) -> str:
    """One row per ticket, payment, refund of these orders: canonical columns, and ``i, case_no, on_eve, thing,
    document_no``. Needs the table ``persons``."""
    return f"WITH {_orders(world, orders)}, {_tickets(world)} {_TICKETS} UNION ALL {_money(world)}"


def _orders(world: World, orders: range) -> str:
    """``o``: one row per order. ``h``: 64 random bits of it."""
    place = f"(i + {world.seed}) % {world.period}"
    issued_on = f"CASE WHEN on_eve THEN DATE '{world.eve}' ELSE DATE '{world.day}' END"
    return f"""
numbered AS (
    SELECT i, md5_number_lower('{world.seed}|' || i) AS h, i >= {world.orders} AS of_eve,
        CASE WHEN i < {world.orders} - 1 AND {place} < {len(CASES)} THEN ({place} + 1)::INTEGER ELSE 0 END AS case_no
    FROM range({orders.start}, {orders.stop}) r(i)
), shaped AS (
    SELECT *, of_eve OR case_no IN ({shaped("eve")}) AS on_eve, case_no IN ({shaped("web")}) AS on_web,
        case_no IN ({shaped("lapsed")}) AS lapsed,
        case_no IN ({_with("refund")}) OR (case_no = 0 AND h % 25 = 0) AS refunded,
        CASE WHEN case_no > 0 OR h % 25 = 0 OR (h >> 8) % 10 < 6 THEN 1
            WHEN (h >> 8) % 10 < 9 THEN 2 ELSE 3 END AS tickets,
        CASE WHEN case_no = 0 AND (h >> 13) % 100 < 15 THEN 'cash' ELSE 'wechat' END AS processor,
        {fare_of("h")} AS fare,
        {world.begin} + 1000000 * CASE WHEN of_eve THEN -43200 WHEN case_no IN ({shaped("eve")}) THEN -120
            WHEN case_no IN ({shaped("edge")}) THEN 86220 WHEN case_no IN ({shaped("early_in_wechat")}) THEN 30
            ELSE 300 + ((h >> 16) % 85200)::BIGINT END AS sold_at
    FROM numbered
), o AS (
    SELECT *, CASE WHEN on_web THEN 'EW' ELSE 'ED' END || lpad(i::VARCHAR, 8, '0') AS order_no,
        CASE WHEN on_web THEN 'web' ELSE 'agents' END AS seller, strftime({issued_on}, '%Y-%m-%d') AS sold_on,
        strftime({issued_on}, '%Y%m%d') AS digits
    FROM shaped
)"""


def _tickets(world: World) -> str:
    """``t``: one row per ticket. Every seat of every train is sold on two stretches, one after the other."""
    seats = (3 * (world.orders + EVE_ORDERS) + 1) // 2
    return f"""
placed AS (
    SELECT o.*, b AS nth, (3 * (i + (case_no IN ({shaped("takes_next_seat")}))::INTEGER) + b) % {seats} AS seat_index,
        (3 * (i + (case_no IN ({shaped("takes_next_seat")}))::INTEGER) + b) // {seats} AS stretch,
        b = 1 AND case_no = {named("exchange_lost")} AS exchanged
    FROM o, range(3) r(b)
    WHERE b < tickets OR (b = 1 AND case_no IN ({_with("second_ticket")}))
), t AS (
    SELECT placed.*, person, document_no, 1 + seat_index // 1000 % 9000 AS train,
        DATE '{world.day}' + (1 + seat_index // 9000000)::INTEGER AS run_date,
        {_number("seat_index")} AS ticket_no, {_number("(seat_index - 1)")} AS ticket_before,
        {_coach("seat_index")} || '-' || {_place("seat_index")} AS seat
    FROM placed JOIN persons ON n = ((h >> 20) % {PERSONS} + nth)::BIGINT % {PERSONS}
)"""


def _coach(index: str) -> str:
    return f"(1 + {index} % 1000 // 80)"


def _place(index: str) -> str:
    return f"((1 + {index} % 1000 % 80 // 5) || substr('ABCDF', ({index} % 5 + 1)::INTEGER, 1))"


def _number(index: str) -> str:
    return f"lpad({_coach(index)}::VARCHAR, 2, '0') || lpad({_place(index)}, 4, '0')"


_TICKETS = """
SELECT i, case_no, on_eve, document_no,
    CASE WHEN nth = 1 AND case_no > 0 THEN 'second_ticket' ELSE 'ticket' END AS thing,
    order_no || CASE WHEN exchanged THEN '2' ELSE '1' END || ticket_no AS key, 'ticket' AS kind, order_no,
    sold_at + CASE WHEN exchanged THEN 60000000 ELSE 0 END AS "at", fare AS amount, 'CNY' AS currency,
    CASE WHEN lapsed THEN 'lapsed' WHEN refunded THEN 'refunded' ELSE 'issued' END AS state, seat,
    CASE WHEN exchanged THEN order_no || '1' || ticket_before END AS replaces, seller, sold_on,
    'G' || train || '|' || run_date AS train_run, CASE WHEN train % 2 = 0 THEN stretch * 3 END AS leg_from,
    CASE WHEN train % 2 = 0 THEN 3 + stretch * 4 END AS leg_to,
    epoch_us(run_date::TIMESTAMP + to_minutes((stretch * 215)::INTEGER)) AS leg_departs,
    epoch_us(run_date::TIMESTAMP + to_minutes((210 + stretch * 150)::INTEGER)) AS leg_arrives,
    NULL::BIGINT AS fee, person
FROM t
"""
"""Stretches: 08:00 to 11:30 and 11:35 to 14:00 in Beijing. Half of the trains have stop indexes, all have times."""


def _money(world: World) -> str:
    """Payments and refunds. ``fee``: what the processor keeps of a payment (0.6 %), the railway of a refund."""
    rest = "NULL, NULL, NULL, seller, sold_on, NULL, NULL, NULL, NULL, NULL"
    in_time = world.begin + 85_700_000_000
    return f"""
SELECT i, case_no, on_eve, '', 'payment', CASE processor WHEN 'cash' THEN 'cash|C' ELSE 'wechat|4200001888' END
    || digits || lpad((10 * i)::VARCHAR, 10, '0'), 'payment', order_no, sold_at, tickets * fare, 'CNY', {rest},
    tickets * fare * 6, ''
FROM o WHERE case_no = 0 OR case_no IN ({_with("payment")})
UNION ALL
SELECT i, case_no, on_eve, '', 'second_payment', 'wechat|4200001888' || digits || lpad((10 * i + 1)::VARCHAR, 10, '0'),
    'payment', order_no, sold_at, fare, 'CNY', {rest}, fare * 6, ''
FROM o WHERE case_no IN ({_with("second_payment")})
UNION ALL
SELECT i, case_no, on_eve, '', stray.thing, processor || '|' || letters || digits || lpad(i::VARCHAR, 8, '0'), 'refund',
    order_no, CASE WHEN on_eve THEN sold_at ELSE least(sold_at + 3600000000, {in_time}) END, fare - fare // 20, 'CNY',
    {rest}, fare // 20 * 1000, ''
FROM o, (VALUES ('refund', 'RF'), ('stray_refund', 'SR')) stray(thing, letters)
WHERE CASE stray.thing WHEN 'refund' THEN refunded ELSE case_no IN ({_with("stray_refund")}) END
"""
