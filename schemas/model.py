"""The base of every canonical type: frozen, strict, closed."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ParamSpec, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticUndefined

SCHEMA_VERSION = "1.1"


class Canonical(BaseModel):
    """A value of the contract: immutable, no lax coercion, no unknown fields.

    Strict means that ``"12"`` is not 12 and ``1.0`` is not 1: a channel's looseness ends in its adapter.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", ser_json_inf_nan="constants")


def personal(description: str, *, sealed: bool = False, default: Any = PydanticUndefined) -> Any:
    """Mark a field as personal data; masking is generated from this mark, and encryption where ``sealed``.

    A sealed field holds clear text inside an adapter and a ``sealed:1:...`` string inside the ledger.
    """
    return Field(default, description=description, json_schema_extra={"x-personal": True, "x-sealed": sealed})


_P = ParamSpec("_P")
_T = TypeVar("_T")
_M = TypeVar("_M", bound=BaseModel)
_put = object.__setattr__  # a frozen model's own refuses


def trusted(kind: Callable[_P, _T]) -> Callable[_P, _T]:
    """``kind``'s constructor without its checks, for values whose every part was checked before.

    The ledger folds an order anew for every message, out of facts that were validated when they came in; to check
    them again took two thirds of the fold (1.6 us a model instead of 8, an order is a dozen). Arguments are checked
    by mypy as those of ``kind`` are. Never for what comes from outside, nor for a class with validators of its own.
    """
    assert isinstance(kind, type)
    assert issubclass(kind, BaseModel)
    assert not any(field.default_factory for field in kind.model_fields.values())
    # In the order of the fields, because that is the order in which they are written; a required one is always given.
    blank = {name: None if field.is_required() else field.default for name, field in kind.model_fields.items()}
    names = set(blank)

    def build(*_: _P.args, **values: _P.kwargs) -> Any:
        return _made(kind, {**blank, **values}, names)

    return build


def altered(value: _M, update: Mapping[str, Any]) -> _M:
    """``value`` with trusted fields in place of some: ``model_copy`` without its copies of what nobody changes."""
    return _made(type(value), {**value.__dict__, **update}, value.__pydantic_fields_set__)


def _made(kind: type[_M], fields: dict[str, Any], names: set[str]) -> _M:
    """What ``model_construct`` makes, without its loop. ``names`` may be shared: a frozen model never writes it."""
    made = kind.__new__(kind)
    _put(made, "__dict__", fields)
    _put(made, "__pydantic_fields_set__", names)
    _put(made, "__pydantic_extra__", None)
    _put(made, "__pydantic_private__", None)
    return made


Text = Annotated[str, Field(min_length=1, max_length=200)]
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
Instant = AwareDatetime
"""RFC 3339 with offset. A date-time without zone cannot enter the contract."""

__all__ = ["SCHEMA_VERSION", "Canonical", "Code", "Instant", "Text", "altered", "personal", "trusted"]
