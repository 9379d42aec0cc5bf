"""`interlock books ...`: trial balance, an account's lines, what an order's passenger owes; as of any time."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interlock.cli.opening import ACTOR, opened
from interlock.cli.order import When, Which, moment_of, one_order
from interlock.cli.printing import AsJson, fail, print_json, print_table

if TYPE_CHECKING:
    from hub.store.books import Span

app = typer.Typer(name="books", help="The books: balances as of any time, line by line.", no_args_is_help=True)

_DAY = ["%Y-%m-%d"]
Day = Annotated[datetime | None, typer.Option("--date", formats=_DAY, help="One railway day, 2026-01-11.")]
First = Annotated[datetime | None, typer.Option("--from", formats=_DAY, help="The first railway day of a range.")]
Last = Annotated[datetime | None, typer.Option("--to", formats=_DAY, help="The last railway day of a range.")]
AsOf = Annotated[str | None, typer.Option(help="Only what had happened by then: 2026-01-11T14:03:00+08:00.")]
RecordedAsOf = Annotated[str | None, typer.Option(help="Only what was recorded by then.")]
Currency = Annotated[str | None, typer.Option(help="Only this currency, CNY.")]


@app.command()
def balance(
    day: Day = None,
    first: First = None,
    last: Last = None,
    as_of: AsOf = None,
    recorded_as_of: RecordedAsOf = None,
    currency: Currency = None,
    as_json: AsJson = False,
) -> None:
    """The trial balance: every account, and whether they sum to zero. Ends with status 1 when they do not."""
    from hub.api.books import balance_told
    from hub.store.books import trial_balance

    span = _span(day, first, last, as_of, recorded_as_of)
    with opened(snapshot=True) as ledger:
        told = balance_told(span, trial_balance(ledger.connection, span, currency))
    if as_json:
        print_json(told)
    else:
        rows = [_balance_row(row["account"], row) for row in told["accounts"]]
        rows += [_balance_row("sum 合计", {**total, "opening": None}) for total in told["totals"]]
        print_table(f"Trial balance 试算平衡表 {_words(told)}", _COLUMNS, rows)
        typer.echo("in balance 平衡" if told["balanced"] else "NOT in balance 不平衡: run `interlock ledger check`")
    if not told["balanced"]:
        raise typer.Exit(1)


@app.command()
def account(
    name: Annotated[str, typer.Argument(help="The account, such as sales or channel_clearing:web.")],
    day: Day = None,
    first: First = None,
    last: Last = None,
    as_of: AsOf = None,
    recorded_as_of: RecordedAsOf = None,
    currency: Currency = None,
    cursor: Annotated[str | None, typer.Option(help="Go on where the page before ended.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many lines, the newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """An account's lines, the newest first, each with its order, its fact, its witness and its event."""
    from hub.api.books import account_told
    from hub.store.books import Place, account_lines, trial_balance

    span = _span(day, first, last, as_of, recorded_as_of)
    try:
        before = Place.read(cursor) if cursor else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--cursor") from None
    with opened(snapshot=True) as ledger:
        rows = trial_balance(ledger.connection, span, currency, name)
        lines = account_lines(ledger.connection, name, span, currency, before, limit)
    told = account_told(name, span, rows, lines, limit)
    if as_json:
        print_json(told)
        return
    if not rows:
        fail(f"nothing was posted on {name!r}", "`interlock books balance` lists the accounts.")
    print_table(f"{name} {_words(told)}", _COLUMNS, [_balance_row(name, row) for row in told["balances"]])
    columns = ("order 订单", "fact 事实", "amount 金额", "happened 发生", "recorded 记录", "witness 见证", "event 事件")
    print_table("Lines 分录", columns, [_line_row(line) for line in told["lines"]])
    if told["next"]:
        typer.echo(f"older: --cursor {told['next']}")


@app.command()
def order(order: Which, as_of: When = None, recorded_as_of: When = None, as_json: AsJson = False) -> None:
    """What the passenger of an order owes or is owed, and why: fact by fact."""
    from hub.api.books import owing_told
    from hub.store.books import order_lines
    from hub.store.owing import owing
    from interlock.console.ordering import order_at

    span = _span(None, None, None, as_of, recorded_as_of)
    with opened(snapshot=True) as ledger:
        order_id = one_order(ledger, order)
        found = order_at(ledger.connection, order_id, moment_of(as_of), moment_of(recorded_as_of))
        if found is None:
            fail("nothing of this order was known at that time", "Ask for a later time.")
        lines = order_lines(ledger.connection, found.order.order_id, span)
        told = owing_told(owing(found.order, lines))
    if as_json:
        print_json(told)
        return
    columns = ("happened 发生", "why 缘由", "fact 事实", "witness 见证", "owed 应付增减", "balance 余额")
    print_table(f"Order 订单 {order_id}", columns, [_step_row(step) for step in told["steps"]])
    print_table("Accounts 科目", _COLUMNS, [_balance_row(row["account"], row) for row in told["accounts"]])
    typer.echo(told["sentence"]["en"])
    typer.echo(told["sentence"]["zh"])


@app.command()
def rebuild(as_json: AsJson = False) -> None:
    """Throw the pages of totals away and make them again from the event log. Nothing is lost: they are sums."""
    from hub.store import pages

    made = 0
    with opened() as ledger:
        pages.forget(ledger.connection)
        ledger.audit.record(ledger.connection, ledger.clock(), ACTOR, "books.rebuild", "pages")
        ledger.connection.commit()
        while pages.turn(ledger.connection):
            made += 1
    if as_json:
        print_json({"pages": made})
    else:
        typer.echo(f"{made} pages of {pages.PAGE_EVENTS} events; what is left over is summed when it is asked for")


_COLUMNS = ("account 科目", "currency 币种", "before 期初", "debit 借方", "credit 贷方", "balance 余额")


def _balance_row(name: str, row: dict[str, Any]) -> list[str]:
    amounts = [_amount(row[part]) for part in ("opening", "debit", "credit", "balance")]
    return [name, row["currency"], *amounts]


def _line_row(line: dict[str, Any]) -> list[str]:
    times = [_minute(line["happened_at"]), _minute(line["recorded_at"])]
    event = f"{line['event']} #{line['sequence']}"
    return [line["order_no"] or line["order_id"], line["fact"], _amount(line["amount"]), *times, line["witness"], event]


def _step_row(step: dict[str, Any]) -> list[str]:
    why = f"{step['why']['en']} {step['why']['zh']}"
    amounts = [_amount(step["owed"]), _amount(step["balance"])]
    return [_minute(step["happened_at"]), why, step["fact"], step["witness"], *amounts]


def _amount(minor: int | None) -> str:
    from schemas.money import Money, format_decimal

    return "" if minor is None else format_decimal(Money(amount=minor))


def _minute(moment: str) -> str:
    """A time as it is read at a desk in Beijing."""
    from zoneinfo import ZoneInfo

    return f"{datetime.fromisoformat(moment).astimezone(ZoneInfo('Asia/Shanghai')):%Y-%m-%d %H:%M:%S}"


def _words(told: dict[str, Any]) -> str:
    of_a_day = told["until"] and told["until"].endswith("T00:00:00+08:00")
    kept = [(name, key) for name, key in _BOUNDS if told[key] and (key != "until" or of_a_day)]
    return ", ".join(f"{name} {_minute(told[key])}" for name, key in kept)


_BOUNDS = (("from", "since"), ("before", "until"), ("as of", "as_of"), ("as recorded by", "recorded_as_of"))


def _span(
    day: datetime | None, first: datetime | None, last: datetime | None, as_of: str | None, recorded_as_of: str | None
) -> Span:
    from hub.store.books import Span

    if day is not None and (first is not None or last is not None):
        raise typer.BadParameter("give a date, or --from and --to", param_hint="--date")
    try:
        return Span.of(_date(day or first), _date(day or last), moment_of(as_of), moment_of(recorded_as_of))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _date(value: datetime | None) -> date | None:
    return value.date() if value else None
