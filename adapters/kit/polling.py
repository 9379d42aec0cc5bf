"""Polls: one page of what changed since a watermark, for channels that can be asked."""

import hashlib

import msgspec

from adapters.kit.transport import UNEXPECTED, ChannelFault
from hub.ports import Part, PollPage

_PAGE = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MESSAGES = msgspec.json.Decoder(list[msgspec.Raw])
_WATERMARK = msgspec.json.Decoder(str)


def read_page(raw: bytes, messages: str) -> PollPage:
    """``{"watermark": "...", "<messages>": [...]}``, each message in the bytes that it has on the page.

    The id of a part is made of its bytes: the same message again, on this page or the next, is one message. Raises
    ``ChannelFault`` for what is no such page; the watermark then stays where it is.
    """
    try:
        page = _PAGE.decode(raw)
        watermark, found = _WATERMARK.decode(page["watermark"]), _MESSAGES.decode(page[messages])
    except (msgspec.DecodeError, KeyError) as error:
        raise ChannelFault(UNEXPECTED, f"no page of changes, watermark and {messages}: {error!r}"[:200]) from error
    parts = {f"poll-{hashlib.sha256(body).hexdigest()[:32]}": bytes(body) for body in found}
    return PollPage(
        tuple(Part(name, body, f"{messages}/{number}") for number, (name, body) in enumerate(parts.items())), watermark
    )
