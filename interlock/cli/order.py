"""`interlock order ...`: one order as it is or was, and its story across all channels."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from interlock.cli.opening import Opened, opened
from interlock.cli.printing import AsJson, fail, print_json, print_table

if TYPE_CHECKING:
    from schemas.order import Order

app = typer.Typer(name="order", help="One order across all channels.", no_args_is_help=True)

Which = Annotated[
    str, typer.Argument(metavar="ID|REFERENCE", help="Order id, order or ticket number, any system's reference.")
]
When = Annotated[str | None, typer.Option(help="A time with its offset: 2026-01-11T14:03:00+08:00.")]


@app.command()
def show(order: Which, as_of: When = None, recorded_as_of: When = None, as_json: AsJson = False) -> None:
    """Show an order now, or as it was: --as-of by what had happened, --recorded-as-of by what we knew."""
    from interlock.console.ordering import order_at

    with opened() as ledger:
        order_id = one_order(ledger, order)
        found = order_at(ledger.connection, order_id, moment_of(as_of), moment_of(recorded_as_of))
        order_shown = found.shown(ledger.connection, ledger.seal) if found else None
    if order_shown is None:
        fail("nothing of this order was known at that time", "Ask for a later time.")
    if as_json:
        typer.echo(order_shown.model_dump_json(indent=2))
    else:
        _print(order_shown)


@app.command()
def timeline(order: Which, as_json: AsJson = False) -> None:
    """Show everything that was received, decided and delivered about an order, in order."""
    from hub.store.timeline import timeline as told
    from interlock.console.ordering import steps

    with opened() as ledger:
        order_id = one_order(ledger, order)
        entries = told(ledger.connection, order_id)
    if as_json:
        print_json({"order_id": str(order_id), "entries": entries})
        return
    lines = [e for step in steps(entries) for e in (step["message"], step["event"], *step["deliveries"]) if e]
    print_table(f"Order {order_id}", ("seq", "at", "what", "channel", "outcome", "detail"), [_row(e) for e in lines])


@app.command()
def retractions(
    state: Annotated[str | None, typer.Option(help="proposed, approved, rejected or done; without it all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Facts that people want withdrawn, and what became of that. Two of finance do it, over HTTP, where who calls is
    proven: POST /v1/orders/{order_id}/retractions, POST /v1/retractions/{retraction_id}/approve.
    """
    from typing import get_args

    from hub.store.retractions import State, every

    chosen = next((known for known in get_args(State) if known == state), None)
    if state is not None and chosen is None:
        raise typer.BadParameter(f"one of {', '.join(get_args(State))}", param_hint="--state")
    with opened() as ledger:
        found = every(ledger.connection, chosen, None, 100)
    if as_json:
        print_json({"retractions": found})
    elif found:
        columns = ("retraction", "state", "order", "fact", "reason", "proposed by", "decided by")
        names = ("retraction_id", "state", "order_id", "fact", "reason", "proposed_by", "decided_by")
        print_table("Retractions 撤销", columns, [[str(row[name] or "") for name in names] for row in found])
    else:
        typer.echo("nobody wants a fact withdrawn")


def _row(entry: dict[str, Any]) -> list[str]:
    if entry["kind"] == "message":
        detail = ", ".join(entry["facts"]) or entry.get("detail") or ""
    elif entry["kind"] == "event":
        detail = f"{entry['type']}: {len(entry['postings'])} postings"
    else:
        detail = f"{entry['status'] or ''} {entry['duration_ms']} ms".strip()
    at = entry["at"][:19].replace("T", " ")
    return [str(entry["sequence"] or ""), at, entry["kind"], entry["channel"], entry.get("outcome", ""), detail]


def one_order(ledger: Opened, text: str) -> UUID:
    """The one order that ``text`` names; ends the command when there is none or there are several."""
    from interlock.console.lookup import as_uuid, find_orders

    found = find_orders(ledger.connection, text)
    if not found:
        fail(f"no order is known as {text!r}", "Look up by order id, order or ticket number, or system:kind:value.")
    if len(found) > 1:
        fail(f"{text!r} names {len(found)} orders", "\n".join(str(order_id) for order_id in found))
    if found[0] != as_uuid(text) and as_uuid(text) is not None:
        typer.echo(f"{text} is part of {found[0]} now: a message showed that the two are one order", err=True)
    return found[0]


def moment_of(text: str | None) -> datetime | None:
    """A time that was typed; one without an offset is not guessed at."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; write 2026-01-11T14:03:00+08:00") from None
    if moment.tzinfo is None:
        raise typer.BadParameter("a time needs its offset: 2026-01-11T14:03:00+08:00")
    return moment


def _print(order: Order) -> None:
    from schemas.money import format_decimal

    states = f"{order.fulfilment}, {order.payment}, refund {order.refund}, dispute {order.dispute}"
    typer.echo(f"{order.reference('rail', 'order')}  {order.order_id}  version {order.version}")
    typer.echo(f"sold by {order.channel} on {order.business_date}: {states}")
    typer.echo(f"balance {format_decimal(order.balance)} {order.balance.currency}")
    tickets = [
        (
            t.ticket_no,
            t.state,
            f"{t.leg.train_code} {t.leg.service_date} {t.leg.origin.station}-{t.leg.destination.station}"
            if t.leg
            else "",
            f"{t.seat.coach or '-'} {t.seat.number or '-'}" if t.seat else "",
            format_decimal(t.fare_gross) if t.fare_gross else "",
        )
        for t in order.tickets
    ]
    print_table("Tickets", ("ticket", "state", "leg", "coach seat", "fare"), tickets)
    money: list[tuple[str, ...]] = [
        ("payment", p.payment_id, p.state, format_decimal(p.amount_gross)) for p in order.payments
    ]
    money += [("refund", r.refund_id, r.state, format_decimal(r.amount_net)) for r in order.refunds]
    if money:
        print_table("Money", ("", "reference", "state", "amount"), money)
    for dispute in order.disputes:
        sides = " | ".join(f"{', '.join(side.witnesses)}: {side.says}" for side in dispute.sides)
        typer.echo(f"dispute {dispute.kind} ({dispute.state}) about {dispute.subject}: {sides}")
