"""The two native forms, as templates: the agents' JSON (``adapters/agents/README.md``) and a line of WeChat Pay's trade
bill (merchant documentation, 申请交易账单: 27 columns of type ALL, values begin with a backtick).

``<name>`` in a template stands for the SQL expression of that name.
"""

import re

from benchmarks.recon.things import named

BILL_HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
BILL_SUMMARY = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"

_TICKET = (
    '{"ticketNo":"<key>","ticketStatus":<code>,<status><issue>,<origin>,"passengerName":"测试<name>","idType":1,'
    '"idNo":"<document_no>","ticketType":1,"trainCode":"<train_code>","trainStartDate":"<run_date>",'
    '"fromStation":"<from>","toStation":"<to>","departDate":"<depart_date>","departTime":"<depart_time>",'
    '"arriveDays":0,"arriveTime":"<arrive_time>","seatClass":"二等座","seat":"<coach>,<place>","price":<amount>}'
)
_PAYMENT = '{"payChannel":"<pay>","payType":"<pay>","payNo":"<reference>","amount":<amount>,<paid>}'
_REFUND = (
    '{"payChannel":"<pay>","refundNo":"<reference>","ticketNos":["<given_back>"],"gross":<gross>,"fee":<kept>,'
    '"net":<amount>,<refunded>,"refundStatus":"APPLIED"}'
)
_CHANGE = (
    '{"changeNo":"CH<order_no>","changeType":"CHANGE",<changed>,"oldTicketNos":["<old>"],"newTicketNos":["<new>"],'
    '"fee":0.00,"difference":0.00}'
)
_ORDER = (
    '{"msgType":"NOTIFY","agentOrderNo":"AG<order_no>","supplierOrderNo":"<order_no>","revision":1,"agentId":"A0071",'
    '"contractNo":"C2026-14","soldIn":"<sold_in>","orderStatus":<order_code>,<ordered>,<updated><pay_limit>,'
    '"tickets":[<tickets>],"payments":[<payments>],"refunds":[<refunds>],"changes":[<changes>]}'
)
_BILL_PAYMENT = (
    "`<at>,`wx0,`1900000001,`0,`,`<reference>,`<order_no>,`oUpF8uMuAJO,`JSAPI,`SUCCESS,`OTHERS,`<currency>,`<amount>,"
    "`0.00,`0,`0,`0.00,`0.00,`,`,`车票,`,`<fee>,`0.60%,`<amount>,`0.00,`\r"
)
_BILL_REFUND = (
    "`<at>,`wx0,`1900000001,`0,`,`4200001888<reference>,`<order_no>,`oUpF8uMuAJO,`JSAPI,`REFUND,`OTHERS,`<currency>,"
    "`0.00,`0.00,`5030000000<reference>,`<reference>,`<amount>,`0.00,`ORIGINAL,`SUCCESS,`车票,`,`<fee>,`0.60%,`0.00,"
    "`<amount>,`\r"
)


def _filled(template: str, **columns: str) -> str:
    """The template as a SQL expression."""
    parts = re.split(r"<([a-z_]+)>", template)
    texts = [f"({columns[part]})" if n % 2 else f"'{part}'" for n, part in enumerate(parts)]
    return " || ".join(text for text in texts if text != "''")


def _local(column: str, form: str) -> str:
    """An instant in Beijing, as text."""
    return f"strftime(make_timestamp({column} + 28800000000), '{form}')"


def _moment(name: str, column: str) -> str:
    """A date and its time, in two fields."""
    template = f'"{name}Date":"<day>","{name}Time":"<time>"'
    return _filled(template, day=_local(column, "%Y-%m-%d"), time=_local(column, "%H:%M:%S"))


def _yuan(column: str) -> str:
    return f"({column} // 100) || '.' || lpad(({column} % 100)::VARCHAR, 2, '0')"


def _listed(things: str, kind: str) -> str:
    return f"coalesce(string_agg({things}, ',' ORDER BY key) FILTER (kind = '{kind}'), '')"


_PAY = "CASE WHEN starts_with(key, 'cash|') THEN 'CASH' ELSE 'WXPAY' END"
_REFERENCE = "split_part(key, '|', 2)"


def _ticket() -> str:
    first = "leg_departs % 86400000000 = 0"
    return _filled(
        _TICKET,
        key="key",
        code="CASE state WHEN 'refunded' THEN '3801' WHEN 'lapsed' THEN '3102' WHEN 'changed' THEN '3703'"
        " ELSE '3202' END",
        status=_moment("status", """CASE WHEN state = 'issued' THEN "at" ELSE last_at END"""),
        issue=f"""CASE WHEN state = 'lapsed' THEN '' ELSE ',' || {_moment("issue", '"at"')} END""",
        origin="""CASE WHEN replaces IS NULL THEN '"origin":"SALE"'
            ELSE '"origin":"CHANGE","oldTicketNo":"' || replaces || '"' END""",
        name="substr('甲乙丙丁戊己庚辛', (i % 8 + 1)::INTEGER, 1)",
        document_no="document_no",
        train_code="split_part(train_run, '|', 1)",
        run_date="split_part(train_run, '|', 2)",
        **{"from": f"CASE WHEN {first} THEN '北京南' ELSE '南京南' END"},
        to=f"CASE WHEN {first} THEN '南京南' ELSE '上海虹桥' END",
        depart_date=_local("leg_departs", "%Y-%m-%d"),
        depart_time=_local("leg_departs", "%H:%M"),
        arrive_time=_local("leg_arrives", "%H:%M"),
        coach="lpad(split_part(seat, '-', 1), 2, '0')",
        place="split_part(seat, '-', 2)",
        amount=_yuan("amount"),
    )


def _payment() -> str:
    return _filled(_PAYMENT, pay=_PAY, reference=_REFERENCE, amount=_yuan("amount"), paid=_moment("pay", '"at"'))


def _refund() -> str:
    kept = "(coalesce(fee, 0) // 1000)"
    return _filled(
        _REFUND,
        pay=_PAY,
        reference=_REFERENCE,
        given_back="given_back",
        gross=_yuan(f"(amount + {kept})"),
        kept=_yuan(kept),
        amount=_yuan("amount"),
        refunded=_moment("refund", '"at"'),
    )


def _changes() -> str:
    """The record of an exchange: the older ticket number is the lower one, because its batch is."""
    change = _filled(
        _CHANGE,
        order_no="order_no",
        changed=_moment("change", "max(last_at)"),
        old="min(key) FILTER (kind = 'ticket')",
        new="max(key) FILTER (kind = 'ticket')",
    )
    return f"CASE WHEN any_value(case_no) = {named('exchange_lost')} THEN {change} ELSE '' END"


def agents_sql(said: str) -> str:
    """One JSON document per order of the rows ``said``; optional fields that say nothing are left out."""
    document = _filled(
        _ORDER,
        order_no="order_no",
        sold_in="CASE min(seller) WHEN 'web' THEN 'WEB' ELSE 'AGENT' END",
        order_code="CASE min(state) WHEN 'issued' THEN '3202' WHEN 'refunded' THEN '3801' WHEN 'lapsed' THEN '3102'"
        " ELSE '3703' END",
        ordered=_moment("order", 'min("at")'),
        updated=_moment("update", "max(last_at)"),
        pay_limit=f"""CASE min(state) WHEN 'lapsed' THEN ',' || {_moment("payLimit", 'min("at") + 1800000000')}
            ELSE '' END""",
        tickets=_listed(_ticket(), "ticket"),
        payments=_listed(_payment(), "payment"),
        refunds=_listed(_refund(), "refund"),
        changes=_changes(),
    )
    return f"""
WITH told AS (
    SELECT *, max("at") OVER of_order AS last_at,
        max(CASE WHEN kind = 'ticket' THEN key END) OVER of_order AS given_back
    FROM ({said}) WINDOW of_order AS (PARTITION BY i)
)
SELECT {document} AS line FROM told GROUP BY i, order_no
"""


def bill_sql() -> str:
    """One line per row of the table ``bill``, with a carriage return (the writer adds the line feed)."""
    fee = "coalesce(fee, 0)"
    columns = {
        "at": _local('"at"', "%Y-%m-%d %H:%M:%S"),
        "reference": _REFERENCE,
        "order_no": "order_no",
        "currency": "currency",
        "amount": _yuan("amount"),
        "fee": f"({fee} // 100000) || '.' || lpad(({fee} % 100000)::VARCHAR, 5, '0')",
    }
    payment, refund = _filled(_BILL_PAYMENT, **columns), _filled(_BILL_REFUND, **columns)
    return f"SELECT CASE kind WHEN 'payment' THEN {payment} ELSE {refund} END AS line FROM bill"


BILL_TOTALS = """
SELECT count(*), coalesce(sum(amount) FILTER (kind = 'payment'), 0)::BIGINT,
       coalesce(sum(amount) FILTER (kind = 'refund'), 0)::BIGINT, coalesce(sum(fee), 0)::BIGINT FROM bill
"""
