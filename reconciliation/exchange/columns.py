"""The columns of the list of breaks, declared once for Excel and CSV. A row is a record of ``recon.breaks``.

Somebody who decides on a hundred rows must be able to tell one from another: so the order, the key, both sides' values,
what each side said when, and what matching suggests all have a column of their own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from reconciliation.exchange.versions import break_version

Record = Mapping[str, Any]
Shape = Literal["text", "money", "whole", "time", "choice", "note"]
"""How a column is shown: money as a number in yuan, time at a desk in Beijing; choice and note are filled in."""
_DESK = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in files and in answers, its headings, its width in characters, and what stands in it.

    ``money`` values are minor units; ``time`` values are aware.
    """

    name: str
    zh: str
    en: str
    width: int
    shape: Shape
    value: Callable[[Record, date], Any]

    @property
    def heading(self) -> str:
        return f"{self.zh} {self.en}"


def _of(name: str) -> Callable[[Record, date], Any]:
    return lambda record, today: record[name]


def _side(side: str, name: str) -> Callable[[Record, date], Any]:
    return lambda record, today: (record[f"{side}_value"] or {}).get(name)


def _said_at(side: str) -> Callable[[Record, date], Any]:
    def value(record: Record, today: date) -> datetime | None:
        at = (record[f"{side}_value"] or {}).get("at")
        return datetime.fromisoformat(at) if at else None

    return value


def _place(record: Record, today: date) -> str:
    """Where the other side said it: the line or record of its file."""
    return "; ".join(str(e["place"]) for e in record["evidence"] if e.get("place"))


def _suggested(record: Record, today: date) -> str:
    told = record.get("suggestions") or []
    return "; ".join(
        " ".join(f"{k}={v}" for k, v in sorted(s.items())) if isinstance(s, dict) else str(s) for s in told
    )


def _covered(record: Record, today: date) -> str:
    return "; ".join(f"{c['kind']} {c['key']} {c['amount'] / 100:.2f}" for c in record["covers"])


def age_days(record: Record, today: date) -> int:
    """Whole days at a desk in Beijing since what the break is about happened."""
    since: datetime = record["since"]
    return max(0, (today - since.astimezone(_DESK).date()).days)


ACTION = Column("action", "处理", "action", 18, "choice", lambda record, today: "")
REASON = Column("reason", "理由", "reason", 36, "note", lambda record, today: "")

COLUMNS: tuple[Column, ...] = (
    Column("break", "差异编号", "break", 40, "text", _of("break_id")),
    ACTION,
    REASON,
    Column("business_date", "营业日", "business date", 12, "text", _of("business_date")),
    Column("definition", "对账", "pair", 14, "text", _of("definition")),
    Column("kind", "种类", "kind", 20, "text", _of("kind")),
    Column("state", "状态", "state", 10, "text", _of("state")),
    Column("order_no", "订单号", "order", 14, "text", _of("order_no")),
    Column("key", "票号或流水号", "ticket or reference", 36, "text", _of("key")),
    Column("at_stake", "涉及金额（元）", "at stake, yuan", 14, "money", _of("amount_at_stake")),
    Column("currency", "币种", "currency", 8, "text", _of("currency")),
    Column("hub_state", "枢纽状态", "hub: state", 11, "text", _side("left", "state")),
    Column("hub_amount", "枢纽金额（元）", "hub: yuan", 13, "money", _side("left", "amount")),
    Column("hub_seat", "枢纽席位", "hub: seat", 10, "text", _side("left", "seat")),
    Column("hub_at", "枢纽时间", "hub: time", 19, "time", _said_at("left")),
    Column("other_state", "对方状态", "other: state", 11, "text", _side("right", "state")),
    Column("other_amount", "对方金额（元）", "other: yuan", 13, "money", _side("right", "amount")),
    Column("other_seat", "对方席位", "other: seat", 10, "text", _side("right", "seat")),
    Column("other_at", "对方时间", "other: time", 19, "time", _said_at("right")),
    Column("place", "对方文件位置", "place in the other's file", 22, "text", _place),
    Column("covers", "同一原因的资金差异", "money with the same cause", 30, "text", _covered),
    Column("suggestions", "建议", "suggestions", 30, "text", _suggested),
    Column("since", "发生", "since", 19, "time", _of("since")),
    Column("age_days", "天数", "age, days", 8, "whole", age_days),
    Column(
        "version", "版本（勿改）", "version, do not change", 36, "text", lambda record, today: break_version(record)
    ),
)

BY_HEADING: Mapping[str, str] = {
    name: column.name for column in COLUMNS for name in (column.heading, column.name, column.zh, column.en)
}
"""Every way in which a heading may be written -> the column's name."""


def desk_time(moment: datetime) -> datetime:
    """A time as it is read at a desk in Beijing, without its offset: spreadsheets have none."""
    return moment.astimezone(_DESK).replace(tzinfo=None, microsecond=0)


def yuan(fen: int) -> str:
    """Minor units as text with two decimals, exactly."""
    sign, amount = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}{amount // 100}.{amount % 100:02d}"
