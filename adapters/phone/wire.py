"""The names and forms of the call centre's XML, read by ``parse`` and written by ``format``. See README.md."""

from typing import Literal

from adapters.kit.times import TimeForm

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

Origin = Literal["sale", "change", "destination_change"]
ORIGINS: dict[str, Origin] = {"售票": "sale", "改签": "change", "变更到站": "destination_change"}

Kind = Literal["train", "destination"]
KINDS: dict[str, Kind] = {"改签": "train", "变更到站": "destination"}

BERTHS = {"上铺": "upper", "中铺": "middle", "下铺": "lower"}

GROUPS = frozenset({"Order", "Ticket", "Payment", "Repayment", "Change"})
"""Elements that repeat and have children."""

LISTS = {"Repayment": frozenset({"TicketNo"}), "Change": frozenset({"OldTicketNo", "NewTicketNo"})}
"""Elements that repeat and hold a text, by their parent."""
