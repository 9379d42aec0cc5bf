"""The base of every canonical type: frozen, strict, closed."""

from typing import Annotated, Any

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


Text = Annotated[str, Field(min_length=1, max_length=200)]
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
Instant = AwareDatetime
"""RFC 3339 with offset. A date-time without zone cannot enter the contract."""

__all__ = ["SCHEMA_VERSION", "Canonical", "Code", "Instant", "Text", "personal"]
