"""Figures -> the tables of a report. One small function per section; the list at the end is the report's order."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from reconciliation.definitions import Definition
from reconciliation.reports.figures import TOP, Figures, Record
from reconciliation.reports.tables import Column, Table, added
from reconciliation.reports.ties import Tie
from reconciliation.resolution.ageing import BUCKET_NAMES, AgeLine

UNSETTLED = frozenset({"open", "left"})
_STATES = ("open", "left", "resolved", "cleared")
_PAIR = Column("对账", "pair", "text", 16)
_CURRENCY = Column("币种", "currency", "text", 7)
_AT_STAKE = Column("涉及金额", "at stake", "money", 13)
_STATE_COLUMNS = (
    Column("待处理", "open", "whole", 8),
    Column("待人工", "left", "whole", 8),
    Column("已处理", "resolved", "whole", 8),
    Column("已消除", "cleared", "whole", 8),
)


def ties_table(ties: Sequence[Tie]) -> Table:
    """Books against reconciled, each difference in red."""
    return Table(
        "ties", "与总账核对", "Totals against the ledger",
        (
            Column("项目", "item", "text", 24), Column("科目", "account", "text", 22), _CURRENCY,
            Column("账面", "books", "money", 14), Column("对账", "reconciled", "money", 14),
            Column("差额", "difference", "money", 12), Column("结论", "finding", "state", 12),
            Column("依据", "by the run of", "text", 13),
        ),
        [
            (f"{t.what_zh} {t.what_en}", t.account, t.currency, t.books, t.reconciled, t.difference, t.state, t.remark)
            for t in ties
        ],
        alarms={n for n, t in enumerate(ties) if t.state != "ties"},
        note_zh="账面取自当日分录；对账取自该次对账所用的枢纽数据。不符时请先重新对账。",
        note_en="Books: the postings of the day. Reconciled: the hub's rows that the run compared. If they differ,"
        " run the date again first.",
    )  # fmt: skip


def runs_tables(figures: Figures, definitions: Mapping[str, Definition]) -> list[Table]:
    """The pairs, by what stands on their other side."""
    groups = (
        ("channels", "按渠道", "By channel", {"channel"}),
        ("processors", "按收单机构", "By processor", {"processor"}),
        ("others", "其他对账", "Other pairs", {"seats", "hub", ""}),
    )
    made: list[Table] = []
    for name, zh, en, sources in groups:
        runs = [r for r in figures.runs if _source(definitions.get(r["definition"])) in sources]
        if runs:
            made.append(_runs_table(name, zh, en, runs, figures, definitions))
    return made


def _source(definition: Definition | None) -> str:
    return definition.right.source if definition else ""


def _runs_table(
    name: str, zh: str, en: str, runs: Sequence[Record], figures: Figures, definitions: Mapping[str, Definition]
) -> Table:
    columns = (
        _PAIR, Column("名称", "name", "text", 24), Column("状态", "state", "state", 10),
        Column("枢纽行数", "hub rows", "whole", 10), Column("对方行数", "other rows", "whole", 10),
        Column("相符", "matched", "whole", 10), Column("已核准", "accepted", "whole", 8),
        Column("待达", "pending", "whole", 8), *_STATE_COLUMNS, Column("涉及金额 CNY", "at stake, CNY", "money", 13),
    )  # fmt: skip
    rows: list[Sequence[Any]] = []
    for run in runs:
        counts, _ = _by_state(b for b in figures.breaks if b["definition"] == run["definition"])
        _, at_stake = _by_state(
            b for b in figures.breaks if b["definition"] == run["definition"] and b["currency"] == "CNY"
        )
        definition = definitions.get(run["definition"])
        title = f"{definition.title_zh} {definition.title_en}" if definition else ""
        numbers = (run["left_rows"], run["right_rows"], run["matched"], run["adjusted"], run["pending"])
        rows.append((run["definition"], title, run["state"], *numbers, *counts, at_stake))
    alarms = {n for n, run in enumerate(runs) if run["state"] != "done"}
    reasons = "; ".join(f"{r['definition']}: {r['reason']}" for r in runs if r["reason"])
    return Table(name, zh, en, columns, rows, added(rows, columns), alarms, note_zh=reasons, note_en=reasons)


def _total(rows: Sequence[Sequence[Any]], columns: Sequence[Column]) -> list[Any] | None:
    """A last line, for rows (pair or kind, currency, ...) of one currency: different ones are not added up."""
    return added(rows, columns) if len({row[1] for row in rows}) == 1 else None


def _by_state(records: Iterable[Record]) -> tuple[list[int], int]:
    counts, at_stake = dict.fromkeys(_STATES, 0), 0
    for record in records:
        counts[record["state"]] += record["count"]
        at_stake += record["amount"] if record["state"] in UNSETTLED else 0
    return list(counts.values()), at_stake


def kinds_table(figures: Figures) -> Table:
    """Breaks by kind, over all pairs."""
    columns = (Column("种类", "kind", "text", 22), _CURRENCY, *_STATE_COLUMNS, _AT_STAKE)
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in figures.breaks:
        groups[record["kind"], record["currency"]].append(record)
    rows: list[Sequence[Any]] = []
    for (kind, currency), records in sorted(groups.items()):
        counts, at_stake = _by_state(records)
        rows.append((kind, currency, *counts, at_stake))
    return Table("kinds", "按种类", "By kind", columns, rows, _total(rows, columns))


def ageing_table(figures: Figures) -> Table:
    """Everything that is still open, of this and earlier dates, by how long ago it happened."""
    amounts = [Column(f"{bucket} 天", f"{bucket} days", "money", 12) for bucket in BUCKET_NAMES]
    columns = (
        _PAIR, _CURRENCY, Column("笔数", "count", "whole", 7), *amounts, Column("合计", "total", "money", 13),
        Column("超期笔数", "overdue", "whole", 8),
    )  # fmt: skip
    groups: dict[tuple[str, str], list[AgeLine]] = defaultdict(list)
    for line in figures.ageing:
        groups[line.definition, line.currency].append(line)
    rows: list[Sequence[Any]] = []
    for (pair, currency), lines in sorted(groups.items()):
        by_age = [sum(line.amount for line in lines if line.bucket == bucket) for bucket in BUCKET_NAMES]
        count, overdue = sum(line.count for line in lines), sum(line.overdue for line in lines)
        rows.append((pair, currency, count, *by_age, sum(by_age), overdue))
    return Table(
        "ageing", "未结差异账龄", "Ageing of open breaks", columns, rows, _total(rows, columns),
        alarms={n for n, row in enumerate(rows) if row[-1]},
        note_zh="编制时全部营业日的未结差异，账龄自营业日起算。",
        note_en="Everything open when this was made, of all business dates; age from the business date.",
    )  # fmt: skip


def carry_table(figures: Figures) -> Table:
    """The roll-forward of what waits for its counterpart; closing is what is pending."""
    parts = (("期初", "opening"), ("本日新增", "new"), ("本日核销", "cleared"), ("期末待达", "closing, pending"))
    columns = (
        _PAIR, Column("方", "side", "text", 7), _CURRENCY,
        *(
            column
            for zh, en in parts
            for column in (Column(f"{zh}笔数", f"{en}: count", "whole", 8), Column(zh, en, "money", 12))
        ),
    )  # fmt: skip
    names = ("opening", "new", "cleared", "closing")
    rows: list[Sequence[Any]] = [
        (r["definition"], r["side"], r["currency"], *(r[f"{n}_{unit}"] for n in names for unit in ("count", "minor")))
        for r in figures.rolls
    ]
    rolled = {r["definition"] for r in figures.rolls}
    rows += [
        (r["definition"], "*", "*", *(r[f"{n}_{unit}"] for n in names for unit in ("count", "fen")))
        for r in figures.runs
        if r["definition"] not in rolled and (r["opening_count"] or r["new_count"] or r["closing_count"])
    ]
    wrong = {
        n for n, row in enumerate(rows) if row[3] + row[5] - row[7] != row[9] or row[4] + row[6] - row[8] != row[10]
    }
    return Table(
        "carry", "待达款项结转", "Carry roll-forward and pending", columns, rows, None, wrong,
        note_zh="期初 + 新增 - 核销 = 期末。待达项目尚在宽限期内，不是差异。",
        note_en="opening + new - cleared = closing. What is pending is within its grace and is no break.",
    )  # fmt: skip


def manual_table(figures: Figures) -> Table:
    """What people decided: who proposed, who agreed, why."""
    columns = (
        _PAIR, Column("种类", "kind", "text", 16), Column("订单或流水号", "order or reference", "text", 22),
        Column("处理", "action", "text", 13), Column("金额", "amount", "money", 11),
        Column("理由", "reason", "text", 30), Column("建议人", "proposed by", "text", 14),
        Column("批准人", "approved by", "text", 14), Column("状态", "state", "state", 10),
        Column("建议时间", "proposed at", "time", 16),
    )  # fmt: skip
    rows: list[Sequence[Any]] = [
        (
            r["definition"], r["kind"], r["order_no"] or r["key"], r["action"], r["amount"], r["reason"],
            r["proposed_by"], r["approved_by"] or "-", r["state"], r["proposed_at"],
        )
        for r in figures.manual
    ]  # fmt: skip
    return Table(
        "manual", "人工处理", "Manual resolutions", columns, rows,
        alarms={n for n, r in enumerate(figures.manual) if r["state"] == "failed"}, in_print=60,
        note_zh="每项由两个不同的人决定。", note_en="Each was decided by two different people.",
    )  # fmt: skip


def policy_table(figures: Figures) -> Table:
    """What policies resolved, by rule."""
    columns = (
        Column("政策与规则", "policy and rule", "text", 32), Column("处理", "action", "text", 14),
        Column("状态", "state", "state", 10), _CURRENCY, Column("笔数", "count", "whole", 8),
        Column("金额", "amount", "money", 13),
    )  # fmt: skip
    rows = [(r["policy"], r["action"], r["state"], r["currency"], r["count"], r["amount"]) for r in figures.by_policy]
    return Table("policy", "按政策处理", "Resolved by policy", columns, list(rows))


_BREAK_COLUMNS = (
    _PAIR,
    Column("种类", "kind", "text", 21),
    Column("订单", "order", "text", 12),
    Column("票号或流水号", "ticket or reference", "text", 28),
    _CURRENCY,
    Column("枢纽", "hub", "text", 16),
    Column("对方", "other", "text", 16),
    _AT_STAKE,
    Column("状态", "state", "state", 8),
    Column("发生", "since", "time", 16),
)


def break_row(record: Record) -> Sequence[Any]:
    """One break as a line of a list."""
    return (
        record["definition"], record["kind"], record["order_no"] or "-", record["key"], record["currency"],
        _said(record["left_value"]), _said(record["right_value"]), record["amount_at_stake"], record["state"],
        record["since"],
    )  # fmt: skip


def _said(side: Mapping[str, Any] | None) -> str:
    if side is None:
        return "-"
    amount = side.get("amount")
    shown = None if amount is None else f"{'-' if amount < 0 else ''}{abs(amount) // 100:,}.{abs(amount) % 100:02d}"
    return " ".join(str(w) for w in (side.get("state"), shown, side.get("seat"), side.get("reason")) if w) or "-"


def top_table(figures: Figures) -> Table:
    """The largest open breaks of the date."""
    rows = [break_row(record) for record in figures.top]
    return Table("top", "最大未结项", f"The {TOP} largest open items", _BREAK_COLUMNS, rows)


def unmatched_table(records: Sequence[Record], listed: int) -> Table:
    """The list of what is unmatched; print shows none of it, because it may be long."""
    return Table(
        "unmatched", "未匹配清单", "Unmatched items", _BREAK_COLUMNS, [break_row(record) for record in records],
        listed=listed, in_print=0,
        note_zh=f"共 {listed} 项；全部明细见 Excel 与 CSV。",
        note_en=f"{listed} items; the whole list is in the Excel and CSV forms of this report.",
    )  # fmt: skip


def confirmations_table(figures: Figures) -> Table:
    """What channels answered to the hub's figures of the date."""
    columns = (
        Column("渠道", "channel", "text", 16), Column("订单数", "orders", "whole", 10),
        Column("已答复", "answered", "whole", 10), Column("相符", "in accord", "whole", 10),
        Column("有差异", "difference", "whole", 10), Column("迟到", "late", "whole", 8),
        Column("未答复", "unanswered", "whole", 10), Column("截止", "due", "time", 16),
    )  # fmt: skip
    names = ("channel", "orders", "answered", "accord", "difference", "late", "unanswered", "due_at")
    rows = [tuple(r[name] for name in names) for r in figures.confirmations]
    return Table(
        "confirmations", "代售商确认", "Counterparty confirmations", columns, list(rows),
        alarms={n for n, r in enumerate(figures.confirmations) if r["difference"]},
    )  # fmt: skip


SECTIONS: tuple[Callable[[Figures], Table], ...] = (
    kinds_table, ageing_table, carry_table, top_table, manual_table, policy_table, confirmations_table,
)  # fmt: skip
"""What follows the ties and the pairs, in this order."""
