"""The words of the web channel that both directions use: letters of table A, forms of time, names of records."""

from adapters.kit.letters import Letter
from adapters.kit.money_records import ChangeNames, InvoiceNames, MoneyWire, PaymentNames, RefundNames
from adapters.kit.pages import PAGE_WORDS, PageWire
from adapters.kit.times import TimeForm
from adapters.kit.waitlist_records import WaitlistWire

TIME = TimeForm(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2})", "%Y-%m-%d %H:%M:%S", "2026-01-09 16:51:55"
)
PAGE_TIME = TimeForm(r"([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2})", "%Y-%m-%d %H:%M", "2026-01-11 07:00")
DAY = TimeForm(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", "%Y-%m-%d", "2026-01-11")
STANDING = "无座"
TRADE_MODE = "web.trade_mode"
"""What the web calls ``trade_mode`` has no word in the contract: it travels as an extension."""

LETTERS = {
    "a": Letter("issued"),
    "b": Letter("issued", paper=True),
    "c": Letter("refunded"),
    "d": Letter("changed"),
    "e": Letter("issued", loss="a change is under way"),
    "f": Letter("issued", origin="change"),
    "i": Letter("held"),
    "j": Letter("held", origin="change"),
    "m": Letter("used"),
    "p": Letter("changed", change_kind="destination"),
    "q": Letter("issued", loss="a change of destination is under way"),
    "r": Letter("issued", origin="destination_change"),
    "s": Letter("held", origin="destination_change"),
}
"""Table A. The same letters e, i, j, m mean other things in the app's table B."""

LETTER_NAMES = {
    "a": "已支付",
    "b": "已取纸质票",
    "c": "已退票",
    "d": "已改签",
    "e": "改签中",
    "f": "改签票",
    "i": "待支付",
    "j": "改签待支付",
    "m": "已出站",
    "p": "已变更到站",
    "q": "变更到站中",
    "r": "变更到站票",
    "s": "变更到站待支付",
}

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
        "exit",
        "snapshot",
    )
}

WORDS = PAGE_WORDS
"""What the web can say of an order; everything else is a loss when the web is told."""

WAITLIST = WaitlistWire(
    fen=1,
    time=TIME,
    day=DAY,
    tickets="ticketNos",
    sold_in="sale_channel_code",
    words={"1": "waitlist.requested", "2": "waitlist.realised", "3": "waitlist.cancelled", "4": "waitlist.lapsed"},
)

INVOICE = InvoiceNames(
    reference="invoiceNo",
    tickets="ticketNos",
    amount="invoiceAmount",
    at="invoiceDate",
    status="invoiceStatus",
    reversed_at="reverseDate",
    words={"I": "invoice.issued", "R": "invoice.reversed"},
)

MONEY = MoneyWire(
    fen=1,
    time=TIME,
    payment=PaymentNames(
        order="tradeNo",
        processor="bankCode",
        method="payModeCode",
        reference="bankTransNo",
        amount="transAmount",
        at="transDate",
        status="transStatus",
        became_at="statusDate",
        words={
            "S": "payment.captured",
            "P": "payment.initiated",
            "F": "payment.failed",
            "X": "payment.cancelled",
            "B": "payment.charged_back",
        },
    ),
    refund=RefundNames(
        order="tradeNo",
        processor="bankCode",
        reference="refundNo",
        tickets="ticketNos",
        gross="refundAmount",
        fee="refundFee",
        net="transAmount",
        at="transDate",
        status="refundStatus",
        became_at="statusDate",
        words={"R": "refund.requested", "S": "refund.sent", "D": "refund.settled", "F": "refund.failed"},
        payment="bankTransNo",
        part_of="mainRefundNo",
        source="refundSource",
        sources={"W": False, "B": True},
    ),
    change=ChangeNames(
        reference="changeNo",
        kind="changeType",
        old="oldTicketNos",
        new="newTicketNos",
        fee="changeFee",
        difference="changeDifference",
        at="changeDate",
        words={"1": "train", "2": "destination"},
    ),
)

PAGE = PageWire(
    tickets="tickets",
    tickets_max=10,
    payments="payments",
    refunds="refunds",
    changes="changes",
    money=MONEY,
    invoice=INVOICE,
    waitlist=WAITLIST,
)
