"""`interlock recon breaks`, `show`, `waiting`, `files`: what was found, one break whole, what waits, what was read.

Only looking: who proposes and who approves has to be known, and the command line does not know who sits at it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from interlock.cli.printing import AsJson, fail, print_json, print_table
from interlock.cli.recon_opening import opened, yuan

Day = Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The business date, 2026-01-11.")]
State = Annotated[str | None, typer.Option("--state", help="open, left (for a person), resolved or cleared.")]


def join(app: typer.Typer) -> None:
    """Add these commands to `interlock recon`."""
    for command in (breaks, show, waiting, files):
        app.command()(command)


def breaks(
    business_date: Day,
    definition: Annotated[str | None, typer.Option("--definition", help="Only this pair.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only this kind, such as AMOUNT.")] = None,
    state: State = None,
    as_json: AsJson = False,
) -> None:
    """The breaks of a business date, with both sides' values. `--json` has everything, the break's id too."""
    from reconciliation.cases import BreakFilter

    with opened() as reconciler:
        wanted = BreakFilter(business_date=business_date.date(), definition=definition, kind=kind, state=state)
        found = reconciler.cases.every_break(wanted)
    if as_json:
        print_json(found)
        return
    columns = ("break", "pair", "kind", "key", "hub", "other", "at stake 金额", "state 状态")
    rows = [
        (
            str(record["break_id"])[:8],
            record["definition"],
            record["kind"],
            record["key"],
            _side(record["left_value"]),
            _side(record["right_value"]),
            yuan(record["amount_at_stake"]),
            record["state"],
        )
        for record in found
    ]
    print_table(f"breaks of {business_date.date().isoformat()} 差异", columns, rows)


def show(
    break_id: Annotated[str, typer.Argument(help="The break's id, or its first 8 characters.")], as_json: AsJson = False
) -> None:
    """One break whole: both sides, evidence, what was done about it, and what can be done about its kind."""
    from reconciliation.policies import ACTIONS, actions_for

    with opened() as reconciler:
        found = reconciler.cases.one(_known(reconciler.pool, break_id))
    actions = actions_for(found["kind"])
    if as_json:
        print_json({**found, "actions": actions})
        return
    typer.echo(f"{found['kind']} of {found['definition']}, {found['business_date']}: {found['state']}")
    typer.echo(f"{found['key']}  {yuan(found['amount_at_stake'])} {found['currency']} at stake")
    left, right = found["left_value"] or {}, found["right_value"] or {}
    names = sorted(left.keys() | right.keys())
    print_table("sides 双方", ("what", "hub", "other"), [(n, _said(left, n), _said(right, n)) for n in names])
    done = [
        (str(r["attempt"]), r["action"], r["state"], r["reason"], r["proposed_by"], r["approved_by"] or "-")
        for r in found["resolutions"]
    ]
    if done:
        print_table("resolutions 处理", ("attempt", "action", "state", "reason", "proposed", "approved"), done)
    evidence = [(e.get("side", "-"), e.get("place", "-"), e.get("sha256", "-")[:16]) for e in found["evidence"]]
    print_table("evidence 证据", ("side", "place", "file"), evidence)
    if found["state"] in {"open", "left"}:
        rows = [(name, ACTIONS[name].title_en, ACTIONS[name].does) for name in actions if name != "leave"]
        print_table("what can be done 可选处理", ("action", "in words", "what it does"), rows)
        typer.echo(f"One proposes and another approves: /console/recon/breaks/{found['break_id']}")


def waiting(as_json: AsJson = False) -> None:
    """Resolutions that wait for a second person, the latest first."""
    with opened() as reconciler:
        found = reconciler.resolver.records.every("proposed", None, 1000)
    if as_json:
        print_json(found)
        return
    columns = ("break", "action", "reason", "proposed by", "at", "yuan")
    rows = [
        (str(r["break_id"])[:8], r["action"], r["reason"], r["proposed_by"], f"{r['proposed_at']:%Y-%m-%d %H:%M}",
         yuan(r["amount"]))
        for r in found
    ]  # fmt: skip
    print_table("waiting for approval 待复核", columns, rows)


def files(business_date: Day, as_json: AsJson = False) -> None:
    """What the latest runs of a date have read: accepted, rows kept aside, refused and why."""
    with opened() as reconciler:
        runs: dict[str, str] = {}
        for run in reconciler.journal.runs(business_date.date(), None, 10_000):
            runs.setdefault(run["definition"], run["run_id"])
        inputs = [
            {"definition": name, **read}
            for name, run_id in sorted(runs.items())
            for read in (reconciler.journal.run(run_id) or {"inputs": []})["inputs"]
        ]
    if as_json:
        print_json(inputs)
        return
    columns = ("pair", "source", "file", "rows", "kept aside", "state", "sha-256")
    rows = [
        (i["definition"], i["source"], i["name"], str(i["rows"]), str(len(i["quarantined"])),
         f"refused: {i['refused']}" if i["refused"] else "accepted", i["sha256"][:16])
        for i in inputs if i["side"] != "context"
    ]  # fmt: skip
    print_table(f"files of {business_date.date().isoformat()} 输入", columns, rows)


def _known(pool: Any, text: str) -> UUID:
    """The break whose id begins so; ends the command when there is none, or more than one."""
    with pool.connection() as connection:
        rows = connection.execute(
            "SELECT break_id FROM recon.breaks WHERE starts_with(break_id::text, %s) LIMIT 2", (text.lower(),)
        ).fetchall()
    if len(rows) != 1:
        what = f"more than one break begins with {text}" if rows else f"there is no break {text}"
        fail(what, "`interlock recon breaks --date DATE` lists them; `--json` has their whole ids.")
    found: UUID = rows[0][0]
    return found


def _said(side: Mapping[str, Any], name: str) -> str:
    value = side.get(name)
    return "-" if value is None else yuan(value) if name == "amount" else str(value)


def _side(side: Mapping[str, Any] | None) -> str:
    """One side of a break in a few words: its state and its amount."""
    if side is None:
        return "-"
    amount = side.get("amount")
    words = (side.get("state"), yuan(amount) if amount is not None else None, side.get("seat"), side.get("reason"))
    return " ".join(str(word) for word in words if word)
