"""An order -> the call centre's XML: one ``Notice`` with the order as it stands, and what its words cannot say."""

import re
from datetime import datetime
from xml.sax.saxutils import escape

from adapters.kit.words import Writer
from adapters.kit.words.names import Fields
from adapters.phone.profile import PROFILE
from adapters.phone.wire import CONTENT_TYPE, DECLARATION, MINUTE, NS, SOAP
from adapters.phone.wording import PhoneWording
from hub.ports import Formatted
from schemas.events import OrderEvent
from schemas.money import Money, format_decimal
from schemas.order import Order

_WORDING = PhoneWording(PROFILE.channel, PROFILE.code_tables)
_OPENING = f'{DECLARATION}<soap:Envelope xmlns:soap="{SOAP}" xmlns="{NS}"><soap:Header><MessageId>'
_NO_CHARACTER = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot say at all (XML 1.0, 2.2), however it is escaped."""


def format(event: OrderEvent, order: Order) -> Formatted | None:
    """A ``Notice``; None for an event the call centre has no use for, or an order without a rail order number."""
    number = order.reference("rail", "order")
    if event.type not in PROFILE.subscribes or number is None:
        return None
    writer = Writer(_WORDING)
    parts = [_OPENING, str(event.event_id), "</MessageId></soap:Header><soap:Body><Notice><Order>"]
    _add(parts, writer.order(order, number))
    parts.append("</Order></Notice></soap:Body></soap:Envelope>")
    return Formatted("".join(parts).encode("gb18030"), CONTENT_TYPE, writer.losses.all())


def _add(parts: list[str], fields: Fields) -> None:
    """One element for a value, several for a list; none for what is absent or empty."""
    for name, value in fields.items():
        for item in value if type(value) is list else (value,):
            if type(item) is dict:
                parts.append(f"<{name}>")
                _add(parts, item)
                parts.append(f"</{name}>")
            elif text := _text(item):
                parts.append(f"<{name}>{text}</{name}>")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Money):
        return _yuan(value)
    if isinstance(value, datetime):
        return MINUTE.write(value)
    text = str(value)
    return escape(text if text.isprintable() else _NO_CHARACTER.sub("\ufffd", text))


def _yuan(money: Money) -> str:
    """``553.0``: one decimal where it is exact, else two."""
    text = format_decimal(money)
    return text[:-1] if text.endswith("0") else text
