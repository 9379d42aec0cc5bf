"""`interlock recon export`, `check-workbook`, `print`, `account`, `confirmations`: files for people."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from interlock.cli.printing import AsJson, fail, print_json, print_table
from interlock.cli.recon_opening import opened, told

if TYPE_CHECKING:
    from reconciliation.reports.uic import Account

Pair = Annotated[str | None, typer.Option("--definition", help="Only this pair.")]
Kind = Annotated[str | None, typer.Option("--kind", help="Only this kind of break.")]
Day = Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The business date, 2026-01-11.")]
Out = Annotated[Path, typer.Option("--out", help="Where the file goes; its ending chooses the form.")]
AS = "command line"


def export(
    out: Out,
    business_date: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Only this business date.")
    ] = None,
    definition: Pair = None,
    kind: Kind = None,
    state: Annotated[str | None, typer.Option(help="open, left, resolved or cleared; none: open and left.")] = None,
) -> None:
    """Take breaks out as a workbook (.xlsx or .csv) to be filled in and sent back."""
    from reconciliation.api.exchange import workbook_of
    from reconciliation.cases import BreakFilter

    form = _form(out, ("xlsx", "csv"))
    wanted = BreakFilter(business_date.date() if business_date else None, definition, kind, state)
    with opened() as reconciler:
        file, number = workbook_of(reconciler, wanted, "csv" if form == "csv" else "xlsx", AS)
        with file, out.open("wb") as target:
            while block := file.read(1 << 16):
                target.write(block)
    typer.echo(f"workbook {number} is in {out}")


def check_returned(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A filled-in workbook, .xlsx or .csv.")],
    as_json: AsJson = False,
) -> None:
    """Look whether a filled-in workbook can be read, and what it asks for. It proposes nothing.

    Proposals carry a person's name, and the command line does not know who sits at it: send the file to
    `POST /v1/recon/workbooks/returned`, or use the console.
    """
    from reconciliation.exchange import read_returned

    with told():
        found = read_returned(file.read_bytes())
    asked: dict[str, int] = {}
    for row in found.rows:
        word = row.fault or row.action or "-"
        asked[word] = asked.get(word, 0) + 1
    if as_json:
        print_json({"workbook_id": found.workbook_id, "rows": len(found.rows), "actions": asked})
    else:
        rows = [(word, str(count)) for word, count in sorted(asked.items())]
        print_table(f"workbook {found.workbook_id}", ("action 处理", "rows 行数"), rows)


def print_report(business_date: Day, out: Out, definition: Pair = None, kind: Kind = None) -> None:
    """Write a day's report as .pdf, .xlsx or .csv. Ends with status 2 when its totals do not tie to the books."""
    from reconciliation.api.exchange import report_bytes, report_of
    from reconciliation.reports import Scope

    form = _form(out, ("pdf", "xlsx", "csv"))
    with opened() as reconciler:
        report = report_of(reconciler, Scope(business_date.date(), definition, kind), AS)
        shape: Literal["pdf", "xlsx", "csv"] = "pdf" if form == "pdf" else "csv" if form == "csv" else "xlsx"
        out.write_bytes(report_bytes(report, shape))
    typer.echo(f"the report is in {out}")
    for zh, en in report.alarms:
        typer.echo(f"{zh}。{en}.", err=True)
    if not report.ties:
        raise typer.Exit(2)


def account(
    month: Annotated[str, typer.Argument(help="2026-01")],
    out: Annotated[Path | None, typer.Option("--out", help="A .csv file; none: shown here.")] = None,
    as_json: AsJson = False,
) -> None:
    """A month by day, seller, carrier and product, in the shape of UIC accounting, with the books' control totals."""
    from reconciliation.reports.uic import as_json as told
    from reconciliation.reports.uic import as_text, draw_account, month_of

    try:
        first, last = month_of(month)
    except ValueError:
        fail(f"{month} is no month", "Write it like 2026-01.")
    with opened() as reconciler, reconciler.pool.connection() as connection:
        drawn = draw_account(connection, first, last, reconciler.clock())
    if out is not None:
        out.write_text(as_text(drawn), encoding="utf-8")
        typer.echo(f"{len(drawn.lines)} lines are in {out}")
    elif as_json:
        print_json(told(drawn))
    else:
        _print_account(drawn)
    if not drawn.ties:
        raise typer.Exit(2)


def confirmations(as_json: AsJson = False) -> None:
    """Channels that have not answered to the figures of a date in time."""
    from reconciliation.confirming import missing

    with opened() as reconciler, reconciler.pool.connection() as connection:
        found = missing(connection, reconciler.clock())
    if as_json:
        print_json(found)
        return
    rows = [
        (r["channel"], str(r["business_date"]), str(r["orders"]), str(r["unanswered"]), f"{r['due_at']:%Y-%m-%d %H:%M}")
        for r in found
    ]
    print_table(
        "unanswered 未确认", ("channel 渠道", "date 营业日", "orders 订单", "unanswered 未答", "due 截止"), rows
    )


def _print_account(drawn: Account) -> None:
    from reconciliation.exchange.columns import yuan

    def row(day: date | str, *words: str, amounts: tuple[int, ...]) -> tuple[str, ...]:
        sold_count, sold, surcharges, returned_count, returned, fees, net = amounts
        money = [yuan(amount) for amount in (sold, surcharges, returned, fees, net)]
        return (str(day), *words, str(sold_count), money[0], money[1], str(returned_count), *money[2:])

    columns = (
        "date", "seller", "product", "currency", "sold", "gross", "surcharges", "returned", "gross back", "fees", "net",
    )  # fmt: skip
    rows = [
        row(line.business_date, line.day.channel, line.day.product or "-", line.day.currency, amounts=line.amounts)
        for line in drawn.lines
    ]
    rows += [row("total 合计", "", "", c.currency, amounts=c.sums) for c in drawn.controls]
    print_table(f"{drawn.first} - {drawn.last}", columns, rows)
    for control in drawn.controls:
        word = "ties 相符" if control.ties else "DIFFERS 不符"
        typer.echo(f"{control.currency}: books {yuan(control.books)}, lines {yuan(control.sums[-1])}: {word}")


def _form(out: Path, known: tuple[str, ...]) -> str:
    form = out.suffix.lower().removeprefix(".")
    if form not in known:
        fail(f"{out.name} has no ending that is a form of it", f"Use one of {', '.join('.' + word for word in known)}.")
    return form


def join(app: typer.Typer) -> None:
    """Add these commands to `interlock recon`."""
    app.command("export")(export)
    app.command("check-workbook")(check_returned)
    app.command("print")(print_report)
    app.command("account")(account)
    app.command("confirmations")(confirmations)
