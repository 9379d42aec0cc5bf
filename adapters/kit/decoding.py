"""Native bytes -> text, or the JSON object that a message is; damage is refused with the place of its first byte."""

import re
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from adapters.kit.reading import Record
from adapters.kit.refusing import Losses, Refused, refusal

_JSON = msgspec.json.Decoder(float_hook=Decimal)


def check_size(raw: bytes, maximum: int) -> None:
    """Refuse what is longer than the profile allows before anything reads it."""
    if len(raw) > maximum:
        detail = f"the message has {len(raw)} bytes, this channel may send {maximum}"
        raise refusal("message_too_large", f"byte {maximum + 1}", detail, expected=f"at most {maximum} bytes")


def decode_text(raw: bytes, encoding: str) -> str:
    """The text of native bytes; damage is refused with the offset of its first byte."""
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise refusal(
            "encoding_damaged",
            f"byte {error.start}",
            f"these bytes are not {encoding}",
            expected=encoding,
            found=raw[error.start : error.start + 8].hex(),
        ) from error


def decode_json(raw: bytes, system: str, maximum: int, tables: Mapping[str, Mapping[str, str]] | None = None) -> Record:
    """The one JSON object that a message is. Numbers with a point come as ``Decimal``: no float touches money."""
    check_size(raw, maximum)
    try:
        value = _JSON.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        decode_text(raw, "utf-8")  # bytes that are no text are the better reason
        raise _broken_json(raw, error) from error
    except RecursionError as error:
        raise refusal("message_malformed", "byte 0", "the JSON is nested too deeply") from error
    if not isinstance(value, dict):
        raise refusal("message_malformed", "/", "the message is no JSON object", expected="object", found=value)
    return Record(value, "", Losses(), system, tables)


def _broken_json(raw: bytes, error: Exception) -> Refused:
    text = str(error)
    if "truncated" in text:
        return refusal("message_truncated", f"byte {len(raw)}", "the JSON ends too early", expected="a whole object")
    found = re.search(r"byte (\d+)", text)
    return refusal("message_malformed", f"byte {found.group(1) if found else 0}", text, expected="JSON, RFC 8259")
