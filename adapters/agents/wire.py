"""The names, codes and forms of the agents' JSON, read and written from the same tables. See README.md."""

from dataclasses import dataclass
from typing import Literal

from adapters.kit.money_records import ChangeKind, ChangeNames, MoneyWire, PaymentNames, RefundNames
from adapters.kit.times import TimeForm
from adapters.kit.words import Meaning, OrderNames, TicketNames
from adapters.kit.words.names import Origin

MODES: dict[str, Literal["ask", "tell"]] = {"HOLD": "ask", "NOTIFY": "tell"}

MOMENT = TimeForm(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?",
    "%Y-%m-%d %H:%M:%S",
    "2026-01-09 16:51:55",
)
"""On the wire a date in ``<name>Date`` and its time in ``<name>Time``."""
DAY = TimeForm(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", "%Y-%m-%d", "2026-01-11")

ORIGINS: dict[str, Origin] = {"SALE": "sale", "CHANGE": "change", "REROUTE": "destination_change"}
KINDS: dict[str, ChangeKind] = {"CHANGE": "train", "REROUTE": "destination"}

ORDER = OrderNames(
    number="supplierOrderNo",
    revision="revision",
    sold_in="soldIn",
    held_at="order",
    updated_at="update",
    expires_at="payLimit",
    tickets="tickets",
    payments="payments",
    refunds="refunds",
    changes="changes",
    own={"agentOrderNo": "agent_order"},
)
TICKET = TicketNames(
    number="ticketNo",
    status="ticketStatus",
    status_at="status",
    issued_at="issue",
    origin="origin",
    replaces="oldTicketNo",
    replaced_by="newTicketNo",
    refund="refundNo",
    name="passengerName",
    document_type="idType",
    document_no="idNo",
    phone="mobile",
    ticket_type="ticketType",
    train_no="trainNo",
    train_code="trainCode",
    service_date="trainStartDate",
    from_station="fromStation",
    to_station="toStation",
    departs_at="depart",
    fare="price",
    surcharge="serviceFee",
)
MONEY = MoneyWire(
    fen=100,
    time=MOMENT,
    payment=PaymentNames(processor="payChannel", method="payType", reference="payNo", amount="amount", at="pay"),
    refund=RefundNames(
        processor="payChannel",
        reference="refundNo",
        tickets="ticketNos",
        gross="gross",
        fee="fee",
        net="net",
        at="refund",
        status="refundStatus",
        became_at="result",
        words={
            "APPLIED": "refund.requested",
            "SENT": "refund.sent",
            "SETTLED": "refund.settled",
            "FAILED": "refund.failed",
        },
        assumed="refund.requested",
        payment="payNo",
        part_of="partOfRefundNo",
        source="source",
        sources={"PROCESSOR": True, "PASSENGER": False},
    ),
    change=ChangeNames(
        reference="changeNo",
        kind="changeType",
        old="oldTicketNos",
        new="newTicketNos",
        fee="fee",
        difference="difference",
        at="change",
        words=KINDS,
    ),
)


@dataclass(frozen=True, slots=True)
class OrderCode:
    """A row of table 1: its words, and the ticket codes of which at least one ticket must have one."""

    zh: str
    en: str
    seen: frozenset[int]


_CHANGING, _REFUNDING = frozenset({3700, 3701, 3702}), frozenset({3800})
_AFTER_SALES = frozenset({3700, 3701, 3702, 3703, 3704, 3705, 3706, 3800, 3801, 3802})

ORDER_STATUS = {
    "3100": OrderCode("待支付", "unpaid", frozenset({3100})),
    "3101": OrderCode("已取消", "cancelled", frozenset({3101})),
    "3102": OrderCode("已关闭", "closed: nobody paid in time", frozenset({3102})),
    "3201": OrderCode("出票中", "issuing", frozenset({3201})),
    "3202": OrderCode("已出票", "issued", frozenset({3202, 3706})),
    "3203": OrderCode("出票失败", "issuing failed", frozenset({3203})),
    "3400": OrderCode("有售后", "has after-sales", _AFTER_SALES),
    "3600": OrderCode("售后中", "in after-sales", _CHANGING | _REFUNDING),
    "3703": OrderCode("已改签", "changed", frozenset({3703, 3705, 3706})),
    "3801": OrderCode("已退票", "refunded", frozenset({3801})),
}
"""Table 1. It repeats table 2 in one number: where the two contradict each other the tickets are believed."""

TICKET_STATUS = {
    "3100": Meaning("held", "待支付", "unpaid"),
    "3101": Meaning("cancelled", "已取消", "cancelled"),
    "3102": Meaning("expired", "已关闭", "closed: nobody paid in time"),
    "3201": Meaning("held", "出票中", "the agent is issuing it: not issued until it says so", says_more=True),
    "3202": Meaning("issued", "已出票", "issued"),
    "3203": Meaning("cancelled", "出票失败", "issuing failed at the agent", says_more=True),
    "3700": Meaning("issued", "改签申请", "a change is asked for", says_more=True),
    "3701": Meaning("issued", "改签占座中", "a change is being booked", says_more=True),
    "3702": Meaning("issued", "改签待支付", "a change waits for its payment", says_more=True),
    "3703": Meaning("changed", "已改签", "changed: another train"),
    "3704": Meaning("issued", "改签失败", "a change failed", says_more=True),
    "3705": Meaning("changed", "已变更到站", "changed: another destination", kind="destination"),
    "3706": Meaning("issued", "改签票", "issued by a change"),
    "3800": Meaning("issued", "退票申请", "a refund is asked for", says_more=True),
    "3801": Meaning("refunded", "已退票", "refunded"),
    "3802": Meaning("issued", "退票失败", "a refund failed", says_more=True),
}
"""Table 2. What is under way is never taken for done."""
