"""The names, words and forms of the call centre's XML, read and written from the same tables. See README.md."""

from typing import Literal

from adapters.kit.money_records import ChangeKind, ChangeNames, MoneyWire, PaymentNames, RefundNames
from adapters.kit.times import TimeForm
from adapters.kit.words import Meaning, OrderNames, OverrideNames, PickupNames, TicketNames
from adapters.kit.words.names import Origin

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
NS = "urn:interlock:phone:1"
CONTENT_TYPE = "text/xml; charset=GB18030"
DECLARATION = '<?xml version="1.0" encoding="GB18030"?>\n'

MINUTE = TimeForm(
    r"([0-9]{4})年([0-9]{2})月([0-9]{2})日 ([0-9]{2}):([0-9]{2})", "%Y年%m月%d日 %H:%M", "2026年01月09日 16:51"
)
DAY = TimeForm(r"([0-9]{4})年([0-9]{2})月([0-9]{2})日", "%Y年%m月%d日", "2026年01月11日")

MODES: dict[str, Literal["ask", "tell"]] = {
    "Reserve": "ask",
    "Cancel": "tell",
    "Refund": "tell",
    "Notice": "tell",
    "DayExtract": "tell",
}

ORIGINS: dict[str, Origin] = {"售票": "sale", "改签": "change", "变更到站": "destination_change"}
KINDS: dict[str, ChangeKind] = {"改签": "train", "变更到站": "destination"}

STATUS = {
    "已预订": Meaning("held", "已预订", "held"),
    "已过期": Meaning("expired", "已过期", "nobody paid and collected in time"),
    "已取消": Meaning("cancelled", "已取消", "the hold was given up"),
    "已出票": Meaning("issued", "已出票", "issued"),
    "已改签": Meaning("changed", "已改签", "given up for another ticket"),
    "已退票": Meaning("refunded", "已退票", "refunded"),
    "已作废": Meaning("voided", "已作废", "void"),
}

ORDER = OrderNames(
    number="RailOrderNo",
    revision="Revision",
    sold_in="SoldIn",
    held_at="BookedAt",
    updated_at="UpdatedAt",
    expires_at="PickupDeadline",
    tickets="Ticket",
    payments="Payment",
    refunds="Repayment",
    changes="Change",
    own={"CallId": "call", "PickupCode": "pickup"},
)
TICKET = TicketNames(
    number="TicketNo",
    status="Status",
    status_at="StatusAt",
    issued_at="IssuedAt",
    origin="Origin",
    replaces="Replaces",
    replaced_by="ReplacedBy",
    refund="RefundNo",
    name="PassengerName",
    document_type="DocumentType",
    document_no="DocumentNo",
    phone="Mobile",
    ticket_type="TicketType",
    train_no="TrainNo",
    train_code="TrainCode",
    service_date="RunDate",
    from_station="From",
    to_station="To",
    departs_at="DepartAt",
    fare="Price",
    surcharge="ServiceFee",
)
MONEY = MoneyWire(
    fen=100,
    time=MINUTE,
    payment=PaymentNames(processor="Processor", method="Method", reference="Ref", amount="Amount", at="PaidAt"),
    refund=RefundNames(
        processor="Processor",
        reference="RefundNo",
        tickets="TicketNo",
        gross="Gross",
        fee="Fee",
        net="Net",
        at="RequestedAt",
        status="Status",
        became_at="StatusAt",
        words={
            "已申请": "refund.requested",
            "已汇出": "refund.sent",
            "已到账": "refund.settled",
            "退款失败": "refund.failed",
        },
        assumed="refund.requested",
        payment="PaymentRef",
        part_of="PartOf",
        source="AskedBy",
        sources={"旅客": False, "支付机构": True},
    ),
    change=ChangeNames(
        reference="ChangeNo",
        kind="Kind",
        old="OldTicketNo",
        new="NewTicketNo",
        fee="Fee",
        difference="Difference",
        at="ChangedAt",
        words=KINDS,
    ),
)
OVERRIDE = OverrideNames(reason="WaiverReason", staff="WaiverStaff", note="WaiverNote")
PICKUP = PickupNames(records="Collection", reference="PickupCode", tickets="TicketNo", at="CollectedAt")

GROUPS = frozenset({"Order", "Ticket", "Payment", "Repayment", "Change", "Collection"})
"""Elements that repeat and have children."""

LISTS = {
    "Repayment": frozenset({"TicketNo"}),
    "Collection": frozenset({"TicketNo"}),
    "Change": frozenset({"OldTicketNo", "NewTicketNo"}),
}
"""Elements that repeat and hold a text, by their parent."""
