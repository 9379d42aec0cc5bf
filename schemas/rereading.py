"""Reading back what the hub wrote itself: models out of their own JSON, without validating them a second time.

Everything in the ledger was validated when it came in and is written by the contract's own serializers. To validate it
again took a fifth of what a delivery costs, and as much of a message about an order that is known. Never for what comes
from outside, nor for what an earlier version of the contract wrote: that is upcast and validated.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin
from uuid import UUID

import msgspec
from pydantic import AwareDatetime, BaseModel, TypeAdapter
from pydantic_core import PydanticUndefined

from schemas.model import _put_extra, _put_fields, _put_names, _put_private

T = TypeVar("T")
Read = Callable[[Any], Any]
_PLAIN = (str, int, bool)


def rereader(kind: type[T]) -> Callable[[Any], T]:
    """What makes a value of ``kind`` out of decoded JSON that was written from such a value, without its checks.

    Equal to what ``model_validate_json`` makes of it; a field that is missing has its default, one that ``kind`` does
    not have is passed over, a required one that is missing is a ``KeyError``.
    """
    read = _reader(cast(Any, kind))
    return read if read is not None else _as_it_is


@cache
def _reader(annotation: Any) -> Read | None:
    """How a value of this annotation is read; None: as it is."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _reader(arguments[0])
    if annotation in _PLAIN or origin is Literal:
        return None
    if annotation in _FROM_TEXT:
        return _FROM_TEXT[annotation]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _model(annotation)
    if origin is tuple and arguments[1:] == (Ellipsis,):
        return _tuple(_reader(arguments[0]))
    if origin in (dict, Mapping):
        return _mapping(_reader(arguments[1]))
    if origin in (Union, UnionType):
        return _union(tuple(a for a in arguments if a is not NoneType), NoneType in arguments)
    return _validated(annotation)


def _model(kind: type[BaseModel]) -> Read:
    """A function of its own for each class, written out as :func:`schemas.model.trusted` writes constructors."""
    room: dict[str, Any] = {
        "_kind": kind,
        "_new": object.__new__,
        "_names": set(kind.model_fields),  # shared: a frozen model never writes it
        "_put_fields": _put_fields,
        "_put_names": _put_names,
        "_put_extra": _put_extra,
        "_put_private": _put_private,
    }
    pairs = []
    for place, (name, field) in enumerate(kind.model_fields.items()):
        read, got = _reader(cast(Any, field.annotation)), f"_d[{name!r}]"
        if field.default is PydanticUndefined and field.default_factory is None:
            pairs.append(f"{name!r}: {got if read is None else f'_read{place}({got})'}")
        else:
            # A default that is made anew each time is made once: nobody alters what a frozen model holds.
            room[f"_blank{place}"] = field.get_default(call_default_factory=True, validated_data={})
            value = "_x" if read is None else f"_read{place}(_x)"
            pairs.append(f"{name!r}: {value} if (_x := _get({name!r})) is not None else _blank{place}")
        room[f"_read{place}"] = read
    source = (
        "def read(_d):\n    _get = _d.get\n    _made = _new(_kind)\n"
        f"    _put_fields(_made, {{{', '.join(pairs)}}})\n"
        "    _put_names(_made, _names)\n    _put_extra(_made, None)\n    _put_private(_made, None)\n    return _made"
    )
    exec(source, room)
    made: Read = room["read"]
    return made


def _tuple(read: Read | None) -> Read:
    if read is None:
        return tuple
    return lambda values: tuple([read(value) for value in values])


def _mapping(read: Read | None) -> Read | None:
    if read is None:
        return None
    return lambda values: {key: read(value) for key, value in values.items()}


def _union(members: tuple[Any, ...], optional: bool) -> Read | None:
    """Classes told apart by a field of literals; or one type, or none."""
    read = _reader(members[0]) if len(members) == 1 else _tagged(members)
    if read is None or not optional:
        return read
    return lambda value: None if value is None else read(value)


def _tagged(members: tuple[Any, ...]) -> Read | None:
    if all(_reader(member) is None for member in members):
        return None
    if not all(isinstance(member, type) and issubclass(member, BaseModel) for member in members):
        return _validated(Union[members])  # noqa: UP007  # a union of a tuple's members has no other spelling
    for name in members[0].model_fields:
        tags = [
            (tag, member)
            for member in members
            if name in member.model_fields
            for tag in get_args(member.model_fields[name].annotation)
        ]
        by_tag = {tag: _reader(member) for tag, member in tags}
        if len(by_tag) == len(tags) and {member for _, member in tags} == set(members):
            return _chosen(name, by_tag)
    return _validated(Union[members])  # noqa: UP007


def _chosen(name: str, by_tag: Mapping[Any, Any]) -> Read:
    return lambda value: by_tag[value[name]](value)


def _validated(annotation: Any) -> Read:
    """A type that this module has no word for is validated as ever."""
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    return lambda value: adapter.validate_json(msgspec.json.encode(value))


def _as_it_is(value: Any) -> Any:
    return value


_FROM_TEXT: dict[Any, Read] = {
    AwareDatetime: datetime.fromisoformat,
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    UUID: UUID,
}
