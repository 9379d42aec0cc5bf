"""The call centre's XML -> the facts it implies. Every message is a snapshot of one order; see README.md."""

import hashlib
from collections.abc import Sequence

from lxml import etree

from adapters.kit.refusing import Losses, Refused, never_raises, refusal
from adapters.kit.words import read_order
from adapters.phone.document import ENVELOPE, Element, envelope_of, fault_of, local, read_envelope, read_message
from adapters.phone.profile import PROFILE
from adapters.phone.wire import DECLARATION, MODES, NS, SOAP
from adapters.phone.wording import PhoneWording
from hub.ports import Part
from schemas.observation import Observation, Rejection

_WORDING = PhoneWording(PROFILE.channel, PROFILE.code_tables)
_BODY = f"{{{SOAP}}}Body"


@never_raises
def parse(raw: bytes) -> Observation:
    """One message (or one order of a day extract) as an observation; ``Reserve`` asks, the others tell."""
    losses = Losses()
    name, operation = _operation(read_envelope(raw, PROFILE.max_message_bytes, losses), raw)
    if name == "DayExtract":
        operation.repeated("@date")
    orders = operation.inner("Order")
    operation.finish()
    if len(orders) != 1:
        detail = "a message holds one Order"
        raise refusal("message_malformed", operation.pointer, detail, expected="1", found=len(orders))
    return read_order(orders[0], _WORDING, MODES[name])


def split(raw: bytes) -> Sequence[Part] | Rejection:
    """The orders of a day extract, each as a message of its own. Ids are made of the bytes: the same order is one."""
    try:
        root = read_message(raw, None)
        name, _ = _operation(envelope_of(root, Losses()), raw)
    except Refused as refused:
        return refused.rejection
    orders = root.findall(f"{_BODY}/{{{NS}}}{name}/{{{NS}}}Order")
    return [_part(order, index, name) for index, order in enumerate(orders, 1)]


def _part(order: etree._Element, index: int, name: str) -> Part:
    envelope = etree.Element(ENVELOPE, nsmap={"soap": SOAP, None: NS})
    body = etree.SubElement(envelope, _BODY)
    order.tail = None
    etree.SubElement(body, f"{{{NS}}}{name}").append(order)
    raw = (DECLARATION + etree.tostring(envelope, encoding="unicode")).encode("gb18030")
    return Part(f"order-{hashlib.sha256(raw).hexdigest()[:32]}", raw, f"Order[{index}]")


def _operation(envelope: Element, raw: bytes) -> tuple[str, Element]:
    """The one operation of the body. What stands around it is a loss, but for the message id: a matter of transport."""
    for header in envelope.inner(f"{{{SOAP}}}Header"):
        header.repeated("MessageId")
        header.finish()
    operations: list[tuple[str, Element]] = []
    for body in envelope.inner(_BODY):
        operations += [(name, operation) for name in MODES for operation in body.inner(name)]
        body.finish()
    envelope.finish()
    if len(operations) == 1:
        return operations[0]
    raise _no_operation(read_message(raw, None))


def _no_operation(root: etree._Element) -> Refused:
    fault = fault_of(root)
    if fault is not None:
        detail = f"the call centre reports a fault instead of an order: {fault[1]}"
        return refusal("message_malformed", "/Envelope/Body/Fault", detail, expected=", ".join(MODES), found=fault[0])
    found = ", ".join(local(child.tag) for body in root.findall(_BODY) for child in body)
    detail = "the body holds one operation of this channel"
    return refusal("message_malformed", "/Envelope/Body", detail, expected=", ".join(MODES), found=found)
