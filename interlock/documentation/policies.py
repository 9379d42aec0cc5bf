"""The policies' page: what may be done about a break, what the shipped policy does, what a policy may say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interlock.documentation.markdown import code, prose, table
from reconciliation.kinds import KINDS
from reconciliation.policies import ACTIONS, Approval, Policy, Rule, Sla, actions_for, policy

HEAD = """# Policies 处理政策

A policy says which breaks are resolved without a person: rules with a scope, an action, limits and the evidence
they need. Rules are read in order, the first that fits decides, what fits none is left for a person. What a policy
may not, two people do: one proposes, another one approves; the database itself refuses one person for both, under
whatever spelling of the name.

An action is a promise; the next run is the proof. It is written down before it is done and may be done twice
without harm. A break that a run still sees after its resolution is open again; after so many `attempts` a person
must look.

## Actions 处理方式

"""

UNDO = """
A policy may do all of them but `link` and `reject`; in the list of a workbook, on the console and over HTTP only
those for the break's kind are offered. A payment or refund that only the processor knew is stated in
reconciliation's own voice, and told to the channels like any other fact.

Every resolution can be undone, also a policy's: somebody proposes it, somebody else approves it, as many people as
the resolution needed. An undo adds: the facts are retracted, the acceptance is ended, the lines in suspense and
expense are mirrored. Then the break is left for a person, and the next run sees both sides again. The policy does
not touch it any more. What was told (`push_hub`, `ask_again`) cannot be untold; when it has cleared the break there
is nothing to undo.

## The shipped policy 随附政策

"""

OWN = """
## A policy of your own 自定义政策

Put a file into `<data_dir>/recon/policies/`, or anywhere, and look at it:

```console
$ interlock recon policy check mine.yaml
$ interlock recon policy try default --date 2026-01-11 --file mine.yaml
$ interlock recon policy show default
```

`check` names wrong places and odd rules: a pair that does not exist, a rule that an earlier one hides, an action
that is not for the kind, a write-off without an account. `try` says what it would do with the open breaks of a
date, with totals for each rule, and writes nothing. A file alone resolves nothing: one person sends its text to
`POST /v1/recon/policies`, another one approves it at `POST /v1/recon/policies/{name}/{version}/approve`; then it
holds in place of the shipped one of that name. A text that was agreed on is never changed, only followed by another
version. Name, version and content are part of every run's identity.

An editor that knows JSON Schema 2020-12 checks the file against `reconciliation/policies/policy.schema.json`.
"""

SUSPENSE = """
## Suspense 挂账

Each break that is open or left holds its money in the sub-ledger `recon.postings`: `suspense:<pair>` against
`clearing:<pair>`, in its currency, from the statement that opens it to the one that settles or clears it. A trigger
writes the lines, so at every moment and for every currency the sum of `suspense:*` is the sum of open breaks. Lines
are never changed. `interlock recon suspense` shows the accounts and ends with status 1 should a break not tie.

A write-off moves what is given up to `expense:<account>`, with the sign of hub minus other; the hub posts the same
amount from its own `suspense` to the channel's clearing (the fact `adjusted`, see [how money is
kept](../explanation/how-money-is-kept.md)). The hub's account says what was accepted and what orders cannot name
yet; the sub-ledger says what nobody has accepted yet, and what each write-off was for. Open breaks stand in no book
of the hub, because the hub does not know yet who is right.
"""

NESTED: Sequence[tuple[str, type[Any]]] = (
    ("The policy 政策", Policy),
    ("A rule 规则", Rule),
    ("`approvals`", Approval),
    ("`sla`", Sla),
)


def policies_page() -> str:
    """Actions, the shipped policy, and every field of the document."""
    holds = policy("default")
    parts = [
        HEAD,
        _actions(),
        "\nFor each kind of break ([kinds](breaks.md)):\n\n",
        _kinds(),
        UNDO,
        _shipped(holds),
        OWN,
    ]
    parts += [_fields(title, model) for title, model in NESTED]
    return "".join([*parts, SUSPENSE])


def _actions() -> str:
    rows = [
        (code(row.name), f"{row.title_zh} / {row.title_en}", ", ".join(row.sources), row.does, row.undone_by)
        for row in ACTIONS.values()
    ]
    return table(("action", "title", "against", "does", "undone by"), rows)


def _kinds() -> str:
    return table(("kind", "actions"), [(code(kind), ", ".join(map(code, actions_for(kind)))) for kind in KINDS])


def _shipped(holds: Policy) -> str:
    rules = [
        (
            code(rule.name),
            f"{rule.title_zh} / {rule.title_en}",
            ", ".join(map(code, rule.kinds)) + (f", {rule.further} further" if rule.further else ""),
            code(rule.action),
            ", ".join(map(code, rule.evidence)) or "-",
            _yuan(rule.limit_per_item),
            _yuan(rule.limit_per_day),
        )
        for rule in holds.rules
    ]
    columns = ("rule", "title", "kinds", "action", "evidence", "per item (yuan)", "per day (yuan)")
    people = [(f"above {_yuan(a.above)}", str(a.people)) for a in holds.approvals]
    times = [
        (code(row.name), f"{row.title_zh} / {row.title_en}", ", ".join(map(code, row.kinds)) or "every kind",
         _yuan(row.from_amount), str(row.due_hours))
        for row in holds.sla
    ]  # fmt: skip
    return (
        f"`{holds.title}`, for every shipped pair; after {holds.attempts} attempts a person must look.\n\n"
        + table(columns, rules)
        + "\nPeople that a resolution by hand takes, with the one who proposes it:\n\n"
        + table(("at stake (yuan)", "people"), people)
        + "\nWhen an open break is overdue; the first row that fits counts:\n\n"
        + table(("row", "title", "kinds", "from (yuan)", "hours"), times)
    )


def _fields(title: str, model: type[Any]) -> str:
    rows = [
        (code(name), _shape(field), "yes" if name in model.model_json_schema().get("required", ()) else "")
        for name, field in model.model_json_schema()["properties"].items()
    ]
    return f"\n### {title}\n\n{prose(model.__doc__)}\n\n" + table(("field", "is", "required"), rows)


def _shape(field: Mapping[str, Any]) -> str:
    """A field's JSON type in a few words."""
    options = [option for option in field.get("anyOf", [field]) if option.get("type") != "null"]
    (one,) = options[:1]
    if "enum" in one:
        return "one of " + ", ".join(map(code, map(str, one["enum"])))
    if one.get("type") == "array":
        return "a list"
    bounds = [f"{word} {one[name]}" for name, word in (("minimum", "from"), ("maximum", "to")) if name in one]
    return " ".join([{"integer": "a whole number", "string": "text"}.get(str(one.get("type")), "a row"), *bounds])


def _yuan(fen: int | None) -> str:
    return "-" if fen is None else f"{fen // 100:,}.{fen % 100:02d}"
