"""`interlock recon policy`: what may be resolved without a person: checked, shown, tried. People agree over HTTP."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from interlock.cli.printing import AsJson, fail, print_json, print_table
from interlock.cli.recon_opening import opened
from interlock.settings import Settings

# Not called `app`: that would make it a command of the first level.
policy_app = typer.Typer(help="What may be resolved without a person, and up to which amount.")

Name = Annotated[str, typer.Argument(help="The policy's name, such as default.")]
FileOption = Annotated[Path | None, typer.Option("--file", help="A file instead of the policy that holds.")]


@policy_app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="A policy file; without one, every policy there is.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read policies and say what is wrong or odd about them. A wrong one ends with status 1."""
    from reconciliation.definitions import definitions
    from reconciliation.policies import drafts, findings, policy

    folder = Settings.load().data_dir / "recon"
    known = definitions(folder / "definitions")
    found: list[tuple[str, Any, str | None]] = [
        (draft.path.name, draft.policy, draft.error)
        for draft in (drafts(folder / "policies") if file is None else [_read(file)])
    ]
    if file is None:
        shipped = sorted({definition.policy for definition in known.values()})
        found += [(f"{name} (comes with Interlock)", policy(name), None) for name in shipped]
    rows: list[dict[str, Any]] = [
        {
            "policy": name,
            "version": read.version if read is not None else "-",
            "rules": len(read.rules) if read is not None else 0,
            "findings": [f"{f.place}: {f.detail}" for f in findings(read, known)] if read is not None else [error],
        }
        for name, read, error in found
    ]
    if as_json:
        print_json(rows)
    else:
        shown = [
            (str(r["policy"]), str(r["version"]), str(r["rules"]), "\n".join(map(str, r["findings"])) or "fine 无误")
            for r in rows
        ]
        print_table("policies 处理政策", ("policy", "version", "rules", "findings 发现"), shown)
    if any(row["findings"] for row in rows):
        raise typer.Exit(1)


@policy_app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """The policy that holds now: two people have agreed on it, or it comes with Interlock."""
    with opened() as reconciler:
        try:
            holds = reconciler.policies.in_force(name)
        except FileNotFoundError:
            fail(f"there is no policy {name}", "`interlock recon policy check` lists them.")
        versions = reconciler.policies.versions(name)
    if as_json:
        print_json({"digest": holds.digest, "policy": holds.model_dump(mode="json"), "versions": versions})
        return
    rules = [
        (
            rule.name,
            f"{rule.title_zh} / {rule.title_en}",
            ", ".join(rule.kinds),
            rule.action,
            _limit(rule.limit_per_item),
            _limit(rule.limit_per_day),
            _limit(rule.limit_per_day_each),
        )
        for rule in holds.rules
    ]
    columns = ("rule 规则", "title", "kinds", "action 处理", "per item 单笔", "per day 单日", "per day each 每方单日")
    print_table(f"{holds.digest}", columns, rules)
    if versions:
        names = ("version", "state", "proposed_by", "decided_by", "reason")
        print_table("versions 版本", names, [tuple(str(row[key] or "-") for key in names) for row in versions])


@policy_app.command(name="try")
def attempt(
    name: Name,
    business_date: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The business date.")],
    file: FileOption = None,
    as_json: AsJson = False,
) -> None:
    """What the policy would do with the open breaks of a date, rule by rule. Nothing is written."""
    with opened() as reconciler:
        wanted = [definition for definition in reconciler.definitions().values() if definition.policy == name]
        if not wanted:
            fail(
                f"no definition goes by a policy {name}", "`interlock recon definitions check` shows who goes by what."
            )
        draft = _read(file) if file is not None else None
        if draft is not None and draft.policy is None:
            fail(f"{draft.path} is no policy: {draft.error}", "Correct the place it names.")
        tried = draft.policy if draft is not None and draft.policy else reconciler.policies.in_force(name)
        trial = reconciler.resolver.trial(tried, wanted, business_date.date(), reconciler.kept_parts)
    totals = [(rule, total.action, total.count, total.amount) for (rule, _), total in sorted(trial.totals.items())]
    if as_json:
        named = [dict(zip(("rule", "action", "count", "amount"), line, strict=True)) for line in totals]
        print_json({"policy": tried.title, "totals": named, "steps": [step.to_json() for step in trial.steps]})
        return
    rows = [(rule, action, str(count), f"{amount // 100}.{amount % 100:02d}") for rule, action, count, amount in totals]
    title = f"{tried.title} on {business_date.date().isoformat()} (nothing is written 试算)"
    print_table(title, ("rule 规则", "action 处理", "breaks 差异", "at stake 金额"), rows)


def _read(file: Path) -> Any:
    from reconciliation.policies.book import read_draft

    if not file.is_file():
        fail(f"there is no file {file}", "Give the path of a policy file.")
    return read_draft(file)


def _limit(fen: int | None) -> str:
    return "-" if fen is None else f"{fen // 100}.{fen % 100:02d}"
