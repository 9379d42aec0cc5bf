"""The WeChat Pay trade bill (交易账单), types ALL, SUCCESS and REFUND.

Source: WeChat Pay merchant documentation, "申请交易账单" and its field table. UTF-8 CSV, perhaps with BOM, perhaps
gzipped, in four parts: detail header, details, summary header, summary. Values (not headers) start with a backtick and
are not quoted, so a record is cut at comma + backtick. Columns are found by header name, because older merchants have
older headers. A refund is dated at its initiation; a revoked order keeps two rows. Time zone: Beijing.
"""

import gzip
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from reconciliation.statements.lines import Quarantined, Refused, Statement, StatementLine, day_of
from schemas.money import parse_decimal

BEIJING = ZoneInfo("Asia/Shanghai")
NEEDED = ("交易时间", "微信订单号", "商户订单号", "交易状态", "货币种类", "手续费")
MAX_BYTES = 512_000_000
_REFERENCE = re.compile(r"^[0-9A-Za-z_.:-]{1,64}$")
_FIVE = 5


class RowError(ValueError):
    """One row is wrong; the sentence says where."""


@dataclass(frozen=True, slots=True)
class _Total:
    """A column of the summary, the detail columns it sums, the decimals. Of several names, the first one present."""

    names: tuple[str, ...]
    columns: tuple[str, ...]
    scale: int


# Older merchants' bills have other names for the same columns and totals.
TOTALS = (
    _Total(("应结订单总金额", "总交易额"), ("应结订单金额", "总金额"), 2),
    _Total(("退款总金额", "总退款金额"), ("退款金额",), 2),
    _Total(("充值券退款总金额", "总企业红包退款金额"), ("充值券退款金额", "企业红包退款金额"), 2),
    _Total(("手续费总金额",), ("手续费",), _FIVE),
    _Total(("订单总金额",), ("订单金额",), 2),
    _Total(("申请退款总金额",), ("申请退款金额",), 2),
)
COUNT = "总交易单数"

Record = dict[str, str]


def read(raw: bytes) -> Statement | Refused:
    """A bill's lines, or why the whole file is refused. Never raises for bad input."""
    try:
        text = _text(raw)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        return Refused("wechat", f"not a UTF-8 CSV or gzip of one: {error}", "file")
    rows = text.splitlines()
    split = next((n for n, row in enumerate(rows) if row.startswith(COUNT)), None)
    if split is None or split + 1 >= len(rows):
        return Refused("wechat", f"no summary: a line that begins with {COUNT}, and one after it", f"line {len(rows)}")
    header = rows[0].split(",")
    absent = [name for name in NEEDED if name not in header]
    if absent:
        return Refused("wechat", f"columns are missing: {', '.join(absent)}", "line 1")
    details = [(n + 1, rows[n]) for n in range(1, split) if rows[n].strip()]
    records = [_record(header, row) for _, row in details]
    details = [(n, _masked(row, record)) for (n, row), record in zip(details, records, strict=True)]
    day = _day(records)
    wrong = _wrong_total(rows[split].split(","), _cells(rows[split + 1]), records, split + 2)
    if wrong is not None:
        return Refused("wechat", *wrong, business_date=day)
    return _statement(details, records, day)


def _text(raw: bytes) -> str:
    if raw.startswith(b"\x1f\x8b"):
        raw = gzip.decompress(raw)
    if len(raw) > MAX_BYTES:
        raise ValueError("larger than 512 MB")
    return raw.decode("utf-8-sig")


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.removeprefix("`").split(",`")]


def _record(header: Sequence[str], row: str) -> Record | None:
    cells = _cells(row)
    return dict(zip(header, cells, strict=True)) if len(cells) == len(header) else None


def _masked(row: str, record: Record | None) -> str:
    """The line as evidence: without the payer's identifier, which nobody who explains a difference needs."""
    payer = (record or {}).get("用户标识", "")
    return row.replace(f"`{payer}", "`***", 1) if payer else row


def _day(records: Sequence[Record | None]) -> date | None:
    instants = []
    for record in records:
        if record is not None:
            try:
                instants.append(_time(record["交易时间"]))
            except RowError:
                continue
    return day_of(instants, BEIJING)


def _wrong_total(
    names: Sequence[str], values: Sequence[str], records: Sequence[Record | None], line: int
) -> tuple[str, str] | None:
    """(reason, place) of the first control total that does not hold."""
    if len(names) != len(values):
        return f"the summary has {len(values)} values for {len(names)} names", f"line {line}"
    if None in records:
        return "a detail line has another number of columns than the header: totals cannot be proven", "details"
    known = [record for record in records if record is not None]
    said = dict(zip(names, values, strict=True))
    if said[COUNT] != str(len(known)):
        return f"{COUNT} says {said[COUNT]}, the file has {len(known)} lines", f"line {line}"
    for total in TOTALS:
        column = next((c for c in total.columns if known and c in known[0]), None)
        name = next((n for n in total.names if n in said), None)
        if name is None or column is None:
            continue
        try:
            expected = parse_decimal(said[name], scale=total.scale).amount
            found = sum(parse_decimal(r[column] or "0", scale=total.scale).amount for r in known)
        except ValueError as error:
            return f"{name} cannot be proven: {error}", f"line {line}"
        if expected != found:
            return f"{name} says {said[name]}, the lines sum to {_decimal(found, total.scale)}", f"line {line}"
    return None


def _decimal(minor: int, scale: int) -> str:
    whole, fraction = divmod(abs(minor), 10**scale)
    return f"{'-' if minor < 0 else ''}{whole}.{fraction:0{scale}d}"


def _statement(details: Sequence[tuple[int, str]], records: Sequence[Record | None], day: date | None) -> Statement:
    lines: list[StatementLine] = []
    quarantined: list[Quarantined] = []
    for (number, raw), record in zip(details, records, strict=True):
        try:
            lines.append(_line(record or {}, number, raw))
        except RowError as error:
            quarantined.append(Quarantined(number, str(error), raw))
    return Statement("wechat", tuple(lines), tuple(quarantined), day)


def _capture(record: Record) -> tuple[str, str, str]:
    return "capture", record["微信订单号"], _first(record, "订单金额", "应结订单金额", "总金额")


def _refund(record: Record) -> tuple[str, str, str]:
    ref = _first(record, "商户退款单号", "微信退款单号")
    return "refund", ref, _first(record, "申请退款金额", "退款金额")


def _revoked(record: Record) -> tuple[str, str, str]:
    # A revoked order keeps its SUCCESS row; this second row gives the money back, often without a refund number.
    refund = _first(record, "商户退款单号", "微信退款单号") or f"revoked-{record['微信订单号']}"
    return "refund", refund, _first(record, "申请退款金额", "退款金额", "订单金额", "应结订单金额", "总金额")


_BY_STATE: Mapping[str, Callable[[Record], tuple[str, str, str]]] = {
    "SUCCESS": _capture,
    "REFUND": _refund,
    "REVOKED": _revoked,
}


def _first(record: Record, *columns: str) -> str:
    """The first of the columns that is there and says something; a zero amount says nothing."""
    values = (record.get(column, "") for column in columns)
    return next((value for value in values if value.strip("0.")), "")


def _line(record: Record, number: int, raw: str) -> StatementLine:
    rule = _BY_STATE.get(record["交易状态"])
    if rule is None:
        raise RowError(f"交易状态 is {record['交易状态']!r}, expected SUCCESS, REFUND or REVOKED")
    kind, ref, amount_text = rule(record)
    if not _REFERENCE.match(ref):
        raise RowError(f"the reference {ref!r} is empty or has strange characters")
    amount = _amount(amount_text, 2)
    if amount <= 0:
        raise RowError("the amount is zero or negative")
    currency = record["货币种类"]
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise RowError(f"货币种类 is {currency!r}, expected a code such as CNY")
    return StatementLine(
        processor="wechat",
        kind="capture" if kind == "capture" else "refund",
        ref=ref,
        merchant_order=record["商户订单号"],
        merchant_refund=_first(record, "商户退款单号"),
        amount=amount,
        currency=currency,
        fee=_amount(record["手续费"], _FIVE),
        at=_time(record["交易时间"]),
        raw=raw,
        line=number,
    )


def _amount(text: str, scale: int) -> int:
    try:
        return parse_decimal(text or "0", scale=scale).amount
    except ValueError as error:
        raise RowError(str(error)) from error


def _time(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)
    except ValueError as error:
        raise RowError(f"交易时间 is {text!r}, expected 2026-01-11 09:30:00") from error
