"""The base of every canonical type: frozen, strict, closed."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Any, ParamSpec, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, WrapValidator
from pydantic_core import PydanticUndefined

SCHEMA_VERSION = "1.1"


class Canonical(BaseModel):
    """A value of the contract: immutable, no lax coercion, no unknown fields.

    Strict means that ``"12"`` is not 12 and ``1.0`` is not 1: a channel's looseness ends in its adapter.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", ser_json_inf_nan="constants")


def personal(description: str, *, sealed: bool = True, default: Any = PydanticUndefined) -> Any:
    """Mark a field as personal data; masking is generated from this mark, and encryption where ``sealed``.

    A sealed field holds clear text inside an adapter and a ``sealed:...`` string inside the ledger (``Sealable``).
    """
    return Field(default, description=description, json_schema_extra={"x-personal": True, "x-sealed": sealed})


SEALED = "sealed:"
"""How the ledger's sealed texts begin; see ``hub.store.seal`` and ``hub.store.subject_keys``."""
_SEALED_MAX = 8000


def _sealed_or_valid(value: Any, validate: Callable[[Any], Any]) -> Any:
    if type(value) is str and value.startswith(SEALED) and len(value) <= _SEALED_MAX:
        return value
    return validate(value)


Sealable = WrapValidator(_sealed_or_valid)
"""For a personal field: the bounds of its type are those of the clear text, and a sealed one is longer than that."""

_P = ParamSpec("_P")
_T = TypeVar("_T")
_M = TypeVar("_M", bound=BaseModel)
# The four slots of every model by their own descriptors: a frozen model's __setattr__ refuses, and object's looks the
# slot up by its name each time (600 instructions more for each).
_put_fields, _put_names, _put_extra, _put_private = (
    vars(BaseModel)[slot].__set__
    for slot in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)


def trusted(kind: Callable[_P, _T]) -> Callable[_P, _T]:
    """``kind``'s constructor without its checks, for values whose every part was checked before.

    The ledger folds an order anew for every message, out of facts that were validated when they came in; an adapter
    has looked at every native field itself. To check them again costs 11 thousand instructions for a model of three
    fields and 33 for one of twelve; this costs 6 and 9. Arguments are checked by mypy as those of ``kind`` are. Never
    for what comes from outside, nor for a class with validators of its own: the conformance suite of the adapters
    compares what they build with what full validation makes of it, for every sample and every fuzzed message.
    """
    assert isinstance(kind, type)
    assert issubclass(kind, BaseModel)
    fields = kind.model_fields
    assert not any(field.default_factory for field in fields.values())
    # Written out as a function with one parameter a field, as dataclasses do: no dictionary is merged into another,
    # a field that is missing or unknown is a TypeError, and the fields stand in the order in which they are written.
    # Its own names begin with an underscore, as no field of a model can.
    parameters = ", ".join(n if f.is_required() else f"{n}=_defaults[{n!r}]" for n, f in fields.items())
    pairs = ", ".join(f"{name!r}: {name}" for name in fields)
    source = (
        f"def build(*, {parameters}):\n"
        f"    _made = _new(_kind)\n    _put_fields(_made, {{{pairs}}})\n"
        f"    _put_names(_made, _names)\n    _put_extra(_made, None)\n    _put_private(_made, None)\n    return _made"
    )
    room: dict[str, Any] = {
        "_kind": kind,
        "_new": object.__new__,
        "_names": set(fields),  # shared: a frozen model never writes it
        "_defaults": {name: field.default for name, field in fields.items()},
        "_put_fields": _put_fields,
        "_put_names": _put_names,
        "_put_extra": _put_extra,
        "_put_private": _put_private,
    }
    exec(source, room)
    build: Callable[_P, _T] = room["build"]
    return build


def altered(value: _M, update: Mapping[str, Any]) -> _M:
    """``value`` with trusted fields in place of some: ``model_copy`` without its copies of what nobody changes."""
    made: _M = object.__new__(type(value))
    _put_fields(made, {**value.__dict__, **update})
    _put_names(made, value.__pydantic_fields_set__)
    _put_extra(made, None)
    _put_private(made, None)
    return made


Text = Annotated[str, Field(min_length=1, max_length=200)]
_CODE = r"^[a-z][a-z0-9_]{0,40}$"
Code = Annotated[str, Field(pattern=_CODE)]
Instant = AwareDatetime
"""RFC 3339 with offset. A date-time without zone cannot enter the contract."""


@lru_cache(maxsize=1024)
def is_code(text: str) -> bool:
    """Whether a text may be a ``Code``: for codes that come from a table which somebody else wrote."""
    return re.fullmatch(_CODE, text) is not None


__all__ = [
    "SCHEMA_VERSION",
    "SEALED",
    "Canonical",
    "Code",
    "Instant",
    "Sealable",
    "Text",
    "altered",
    "is_code",
    "personal",
    "trusted",
]
