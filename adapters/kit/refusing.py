"""What a reader says of what it cannot take: a refusal with a place, or a loss; never an exception out of ``parse``."""

import re
from collections.abc import Callable
from decimal import Decimal
from functools import wraps

from pydantic import ValidationError

from schemas.observation import Loss, Observation, Rejection

CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
"""Characters that no text has."""
_LOSSES_MAX = 100


class Refused(Exception):
    """Carries a rejection from the place that noticed to the edge of ``parse``; it never leaves the adapter."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.detail)
        self.rejection = rejection


def refusal(
    code: str, pointer: str, detail: str, *, expected: str = "", found: object = "", example: str = ""
) -> Refused:
    """The exception to raise for a native message that cannot be an observation. ``code`` is one of problems.csv."""
    return Refused(
        Rejection(
            code=code,
            detail=_cut(detail) or code,
            pointer=_cut(pointer) or "/",
            expected=_cut(expected),
            found=shown(found),
            example=_cut(example),
        )
    )


def _cut(text: str) -> str:
    text = text[:200]
    return text if text.isprintable() else CONTROL.sub("?", text)


def shown(value: object) -> str:
    """A native value, short and harmless enough to stand in a loss or a problem."""
    if isinstance(value, Decimal):
        return _cut(str(value))
    return _cut(value[:200] if isinstance(value, str) else "" if value is None else repr(value)[:200])


def never_raises(parse: Callable[[bytes], Observation]) -> Callable[[bytes], Observation | Rejection]:
    """Make a reader that raises ``Refused`` into the port's ``parse``, which answers a rejection instead.

    A value that slips past the readers but not past the contract (a name of 300 characters) is refused here, with
    the contract's field as its place.
    """

    @wraps(parse)
    def guarded(raw: bytes) -> Observation | Rejection:
        try:
            return parse(raw)
        except Refused as refused:
            return refused.rejection
        except RecursionError:
            # What the decoder just bore may be one level too deep for who shows it a few frames further down.
            return refusal("message_malformed", "/", "the message is nested too deeply").rejection
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = "/" + "/".join(str(step) for step in first["loc"])
            return refusal(
                "message_malformed", place, first["msg"], expected=f"a value for {error.title}", found=first["input"]
            ).rejection

    return guarded


class Losses:
    """What one message could not carry over; after 100 the rest is counted in one line."""

    def __init__(self) -> None:
        self._found: list[Loss] = []
        self._more = 0

    def add(self, pointer: str, reason: str, native: object = "", note: str = "") -> None:
        if len(self._found) == _LOSSES_MAX:
            self._more += 1
            return
        self._found.append(
            Loss.model_validate(
                {"pointer": _cut(pointer), "reason": reason, "native": shown(native), "note": _cut(note)}
            )
        )

    @property
    def count(self) -> int:
        """How many there are, those that are only counted too."""
        return len(self._found) + self._more

    def all(self) -> tuple[Loss, ...]:
        if not self._more:
            return tuple(self._found)
        return (*self._found, Loss(pointer="/", reason="not_mapped", note=f"and {self._more} more"))
