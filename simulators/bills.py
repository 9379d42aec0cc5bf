"""What the processors write at the end of a day: the WeChat Pay trade bill and the bank's camt.053 statement.

Sources: WeChat Pay merchant documentation, "申请交易账单" (type ALL, 27 columns); ISO 20022 camt.053.001.08.
Amounts in fen here, in yuan there; nothing goes through a float.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from xml.etree import ElementTree

from simulators.plan import Capture, Repayment
from simulators.timetable import BEIJING

WECHAT_COLUMNS = (
    "交易时间",
    "公众账号ID",
    "商户号",
    "特约商户号",
    "设备号",
    "微信订单号",
    "商户订单号",
    "用户标识",
    "交易类型",
    "交易状态",
    "付款银行",
    "货币种类",
    "应结订单金额",
    "代金券金额",
    "微信退款单号",
    "商户退款单号",
    "退款金额",
    "充值券退款金额",
    "退款类型",
    "退款状态",
    "商品名称",
    "商户数据包",
    "手续费",
    "费率",
    "订单金额",
    "申请退款金额",
    "费率备注",
)
SUMMARY_COLUMNS = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
WECHAT_FEE_PER_MILLE = 6
CAMT = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
OPENING_FEN = 1_000_000_00


def wechat_bill(captures: Sequence[Capture], repayments: Sequence[Repayment]) -> bytes:
    """The day's bill of WeChat Pay: every capture and every refund of its own, in order of time."""
    rows = [(c.at, _wechat_capture(c)) for c in captures] + [(r.at, _wechat_refund(r)) for r in repayments]
    rows.sort(key=lambda row: (row[0], row[1]["微信订单号"], row[1].get("商户退款单号", "")))
    lines = [",".join(WECHAT_COLUMNS)]
    lines += [",".join(f"`{row.get(name, '')}" for name in WECHAT_COLUMNS) for _, row in rows]
    taken, given = sum(c.amount_fen for c in captures), sum(r.amount_fen for r in repayments)
    fees = sum(_fee(c.amount_fen) for c in captures) - sum(_fee(r.amount_fen) for r in repayments)
    totals = [str(len(rows)), _yuan(taken), _yuan(given), "0.00", _fine(fees), _yuan(taken), _yuan(given)]
    lines += [SUMMARY_COLUMNS, ",".join(f"`{total}" for total in totals)]
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


def _wechat_capture(capture: Capture) -> dict[str, str]:
    return _wechat_row(capture.at, capture.ref, capture.order_no) | {
        "交易状态": "SUCCESS",
        "应结订单金额": _yuan(capture.amount_fen),
        "退款金额": "0.00",
        "手续费": _fine(_fee(capture.amount_fen)),
        "订单金额": _yuan(capture.amount_fen),
        "申请退款金额": "0.00",
    }


def _wechat_refund(refund: Repayment) -> dict[str, str]:
    return _wechat_row(refund.at, refund.of_ref, refund.order_no) | {
        "交易状态": "REFUND",
        "应结订单金额": "0.00",
        "微信退款单号": f"5030{refund.ref[1:].rjust(24, '0')}",
        "商户退款单号": refund.ref,
        "退款金额": _yuan(refund.amount_fen),
        "退款类型": "ORIGINAL",
        "退款状态": "SUCCESS",
        "手续费": _fine(-_fee(refund.amount_fen)),
        "订单金额": "0.00",
        "申请退款金额": _yuan(refund.amount_fen),
    }


def _wechat_row(at: datetime, transaction: str, order_no: str) -> dict[str, str]:
    return {
        "交易时间": at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S"),
        "公众账号ID": "wx0000000000000000",
        "商户号": "1900000109",
        "特约商户号": "0",
        "微信订单号": transaction,
        "商户订单号": order_no,
        "用户标识": "o0000000000000000000000000",
        "交易类型": "JSAPI",
        "付款银行": "OTHERS",
        "货币种类": "CNY",
        "代金券金额": "0.00",
        "充值券退款金额": "0.00",
        "商品名称": "火车票",
        "费率": "0.60%",
    }


def bank_statement(captures: Sequence[Capture], repayments: Sequence[Repayment], day: date) -> bytes:
    """The acquiring bank's statement of the merchant's account: one entry for every movement, balances that add up."""
    document = ElementTree.Element("Document", {"xmlns": CAMT})
    message = _child(document, "BkToCstmrStmt")
    header = _child(message, "GrpHdr")
    closed = datetime.combine(day + timedelta(days=1), datetime.min.time(), BEIJING)
    _child(header, "MsgId", f"CAMT053-{day:%Y%m%d}")
    _child(header, "CreDtTm", closed.isoformat())
    statement = _child(message, "Stmt")
    _child(statement, "Id", f"{day:%Y%m%d}-1")
    _child(statement, "CreDtTm", closed.isoformat())
    _child(_child(_child(statement, "Acct"), "Id"), "IBAN", "CN00TEST0000000000000001")
    moved = sum(c.amount_fen for c in captures) - sum(r.amount_fen for r in repayments)
    _balance(statement, "OPBD", OPENING_FEN, day)
    _balance(statement, "CLBD", OPENING_FEN + moved, day)
    entries = [(c.at, "CRDT", c.ref, c.order_no, c.amount_fen) for c in captures]
    entries += [(r.at, "DBIT", r.ref, r.order_no, r.amount_fen) for r in repayments]
    for number, entry in enumerate(sorted(entries), start=1):
        _entry(statement, number, *entry)
    text: bytes = ElementTree.tostring(document, encoding="utf-8", xml_declaration=True)
    return text


def _balance(statement: ElementTree.Element, code: str, fen: int, day: date) -> None:
    balance = _child(statement, "Bal")
    _child(_child(_child(balance, "Tp"), "CdOrPrtry"), "Cd", code)
    _child(balance, "Amt", _yuan(abs(fen)), Ccy="CNY")
    _child(balance, "CdtDbtInd", "CRDT" if fen >= 0 else "DBIT")
    _child(_child(balance, "Dt"), "Dt", day.isoformat())


def _entry(
    statement: ElementTree.Element, number: int, at: datetime, side: str, ref: str, order: str, fen: int
) -> None:
    entry = _child(statement, "Ntry")
    _child(entry, "NtryRef", str(number))
    _child(entry, "Amt", _yuan(fen), Ccy="CNY")
    _child(entry, "CdtDbtInd", side)
    _child(_child(entry, "Sts"), "Cd", "BOOK")
    local = at.astimezone(BEIJING)
    _child(_child(entry, "BookgDt"), "DtTm", local.isoformat())
    _child(_child(entry, "ValDt"), "Dt", local.date().isoformat())
    _child(entry, "AcctSvcrRef", f"BK{local:%Y%m%d}{number:08d}")
    _child(_child(_child(entry, "BkTxCd"), "Domn"), "Cd", "PMNT")
    details = _child(_child(entry, "NtryDtls"), "TxDtls")
    _child(_child(details, "Refs"), "EndToEndId", ref)
    _child(details, "Amt", _yuan(fen), Ccy="CNY")
    _child(details, "CdtDbtInd", side)
    _child(_child(details, "RmtInf"), "Ustrd", order)


def _child(parent: ElementTree.Element, name: str, text: str | None = None, **attributes: str) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, name, attributes)
    child.text = text
    return child


def _fee(fen: int) -> int:
    """WeChat's fee in thousandths of a fen: 0.6 %."""
    return fen * WECHAT_FEE_PER_MILLE


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _fine(thousandths: int) -> str:
    """Thousandths of a fen in yuan with five decimals, as fees are written."""
    whole, rest = divmod(abs(thousandths), 100_000)
    return f"{'-' if thousandths < 0 else ''}{whole}.{rest:05d}"
