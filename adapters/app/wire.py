"""The words of the app channel that both directions use: letters of table B, compact times, jiao, seat texts."""

import re

from adapters.kit.letters import Letter
from adapters.kit.money_records import ChangeNames, InvoiceNames, MoneyWire, PaymentNames, RefundNames
from adapters.kit.pages import PAGE_WORDS, PageWire
from adapters.kit.telling import Words
from adapters.kit.times import TimeForm
from adapters.kit.waitlist_records import WaitlistWire

TIME = TimeForm(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})", "%Y%m%d%H%M%S", "20260109165155")
DAY = TimeForm(r"([0-9]{4})([0-9]{2})([0-9]{2})", "%Y%m%d", "20260111")
JIAO = 10

LETTERS = {
    "a": Letter("issued"),
    "bb": Letter("issued", paper=True),
    "c": Letter("refunded"),
    "d": Letter("changed"),
    "e": Letter("changed", change_kind="destination"),
    "f": Letter("issued", origin="change"),
    "g": Letter("issued", origin="destination_change"),
    "h": Letter("checked_in"),
    "i": Letter("entered"),
    "j": Letter("used"),
    "k": Letter("resigned_on_board"),
    "l": Letter("voided"),
    "m": Letter("issued", loss="a change is under way"),
    "n": Letter("issued", loss="a change of destination is under way"),
}
"""Table B. The same letters e, i, j, m mean other things in the web's table A."""

UNPAID = Letter("held")
"""Table B has no letter for what is not paid yet: ``status`` is empty then."""

SEAT_TEXT = re.compile(r"([0-9A-Z]{1,3})车(?:([0-9A-Z]{1,4})号(下铺|中铺|上铺)?|无座)")

ACTS = {
    word: word
    for word in (
        "hold",
        "sale",
        "pay",
        "cancel",
        "change",
        "refund",
        "waitlist",
        "invoice",
        "print",
        "check",
        "enter",
        "exit",
        "void",
        "snapshot",
    )
}

_OWN: Words = frozenset({"resigned"})
WORDS = PAGE_WORDS | _OWN
"""What the app can say of an order; everything else is a loss when the app is told."""

WAITLIST = WaitlistWire(
    fen=JIAO,
    time=TIME,
    day=DAY,
    tickets="ticket_nos",
    sold_in="sale_channel",
    words={"W": "waitlist.requested", "S": "waitlist.realised", "C": "waitlist.cancelled", "T": "waitlist.lapsed"},
)

INVOICE = InvoiceNames(
    reference="invoice_no",
    tickets="ticket_nos",
    amount="invoice_amount",
    at="invoice_time",
    status="invoice_status",
    reversed_at="reverse_time",
    words={"1": "invoice.issued", "2": "invoice.reversed"},
)

MONEY = MoneyWire(
    fen=JIAO,
    time=TIME,
    payment=PaymentNames(
        order="sequence_no",
        processor="pay_channel",
        method="pay_way",
        reference="pay_no",
        amount="pay_amount",
        at="pay_time",
        status="pay_status",
        became_at="status_time",
        words={
            "1": "payment.captured",
            "0": "payment.initiated",
            "2": "payment.failed",
            "3": "payment.cancelled",
            "4": "payment.charged_back",
        },
    ),
    refund=RefundNames(
        order="sequence_no",
        processor="pay_channel",
        reference="return_no",
        tickets="ticket_nos",
        gross="return_price",
        fee="return_cost",
        net="return_amount",
        at="return_time",
        status="return_status",
        became_at="status_time",
        words={"0": "refund.requested", "1": "refund.sent", "2": "refund.settled", "3": "refund.failed"},
        payment="pay_no",
        part_of="main_return_no",
        source="return_source",
        sources={"0": False, "1": True},
    ),
    change=ChangeNames(
        reference="resign_no",
        kind="resign_type",
        old="old_ticket_nos",
        new="new_ticket_nos",
        fee="resign_cost",
        difference="resign_difference",
        at="resign_time",
        words={"TRAIN": "train", "STATION": "destination"},
    ),
)

PAGE = PageWire(
    tickets="records",
    tickets_max=20,
    payments="pays",
    refunds="refunds",
    changes="resigns",
    money=MONEY,
    invoice=INVOICE,
    waitlist=WAITLIST,
)
