"""`interlock recon closing`, `ageing`, `suspense`: what keeps a date open, how old breaks are, what is held for them.

Only looking: who closes a date has to be known, and the command line does not know who sits at it.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from interlock.cli.printing import AsJson, print_json, print_table
from interlock.cli.recon_opening import opened, yuan


def join(app: typer.Typer) -> None:
    """Add the commands to `interlock recon`."""
    app.command()(closing)
    app.command()(ageing)
    app.command()(suspense)


def closing(
    business_date: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The business date.")],
    as_json: AsJson = False,
) -> None:
    """Whether a date is closed, by whom and under which seal; else everything that keeps it open."""
    with opened() as reconciler:
        found = reconciler.closing.state(business_date.date())
        broken = reconciler.closing.verify_seals()
    if as_json:
        print_json({**found, "first_broken_seal": broken})
        return
    last = found["last"]
    if found["closed"]:
        rows = [(last["proposed_by"], last["decided_by"], str(last["decided_at"]), last["seal"])]
        print_table(
            f"{found['business_date']} closed 已关账", ("proposed 提出", "approved 复核", "at", "seal 封签"), rows
        )
    else:
        rows = [(h["definition"] or "-", h["what"], h["detail"], str(len(h["breaks"]))) for h in found["hindrances"]]
        title = f"{found['business_date']} open 未关账: {len(rows)} things keep it open"
        print_table(title, ("pair", "what 事项", "detail", "breaks 差异"), rows)
    if broken is not None:
        typer.echo(f"The seal of {broken.isoformat()} does not fit what was closed.", err=True)
        raise typer.Exit(1)


def ageing(as_json: AsJson = False) -> None:
    """Open breaks by pair, kind and age in days, and how many are overdue."""
    from reconciliation.resolution.ageing import buckets
    from reconciliation.sources.hub import RAILWAY_ZONE

    with opened() as reconciler, reconciler.pool.connection() as connection:
        now = reconciler.clock()
        found = buckets(connection, now.astimezone(RAILWAY_ZONE).date(), now)
    if as_json:
        print_json([asdict(line) for line in found])
        return
    columns = ("pair", "kind", "currency", "days 账龄", "breaks 差异", "at stake 金额", "overdue 逾期")
    rows = [(f.definition, f.kind, f.currency, f.bucket, str(f.count), yuan(f.amount), str(f.overdue)) for f in found]
    print_table("open breaks by age 未决差异账龄", columns, rows)


def suspense(as_json: AsJson = False) -> None:
    """What is held for open breaks and was written off. Ends with status 1 when it does not tie."""
    from reconciliation.resolution.suspense import balances, check

    with opened() as reconciler, reconciler.pool.connection() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        accounts, complaints = balances(connection), check(connection)
    if as_json:
        print_json({"accounts": [asdict(a) for a in accounts], "complaints": [asdict(c) for c in complaints]})
    else:
        rows = [(a.account, a.currency, yuan(a.amount)) for a in accounts]
        print_table("suspense 挂账", ("account 科目", "currency 币种", "balance 余额"), rows)
        for complaint in complaints:
            typer.echo(f"{complaint.subject}: {complaint.found}", err=True)
    if complaints:
        raise typer.Exit(1)
