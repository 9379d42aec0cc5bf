"""Personal data by its marks: where it is in every type, and how all of it is converted or masked at once.

A field is marked where it is declared (:func:`schemas.model.personal`). From the marks alone come the list of paths
that the reference and the tests read, the conversion that the ledger seals and opens with, and the masks that people
see. A new personal field is therefore sealed and masked from the day it is declared; nobody has to remember.

>>> from schemas.facts import Passenger
>>> [(field.path, field.sealed) for field in personal_paths(Passenger)]
[('name', False), ('document.number', True), ('phone', True)]
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple, TypeVar, get_args, get_origin

from pydantic import BaseModel

from schemas.facts import Passenger
from schemas.model import SEALED, Canonical, altered

Convert = Callable[[str], str]
AnyCanonical = TypeVar("AnyCanonical", bound=Canonical)

ERASED = "erased"
"""What stands in place of a name, number or telephone whose person was erased."""

_OLD_PREFIX = f"{SEALED}1:"
_OLD_MASK = 3
"""The part of a sealed text of the first form that holds its mask; later forms have none."""
_NAMES = frozenset({"name"})
"""Personal fields that are shown by their first character; all others are numbers, shown by their ends."""


class PersonalField(NamedTuple):
    """A field that is personal data: its path from the type, ``[]`` for each member of a list, and if it is sealed."""

    path: str
    sealed: bool


def personal_paths(model: Any) -> tuple[PersonalField, ...]:
    """Every personal field that a value of ``model`` (a class or a union of classes) can hold, in order of the fields.

    A type that holds itself is walked once.
    """
    found: dict[str, PersonalField] = {}
    for place, kind in _classes(model):
        for field in _paths(kind, place.lstrip("."), ()):
            found.setdefault(field.path, field)
    return tuple(found.values())


def _paths(kind: type[BaseModel], prefix: str, above: tuple[type[BaseModel], ...]) -> Iterator[PersonalField]:
    if kind in above:
        return
    for name, field in kind.model_fields.items():
        path = f"{prefix}.{name}" if prefix else name
        if (sealed := _mark(field)) is not None:
            yield PersonalField(path, sealed)
            continue
        for place, inner in _classes(field.annotation):
            yield from _paths(inner, path + place, (*above, kind))


def _mark(field: Any) -> bool | None:
    """Whether a marked field is sealed; None for a field without the mark."""
    extra = field.json_schema_extra
    if isinstance(extra, dict) and extra.get("x-personal"):
        return bool(extra.get("x-sealed"))
    return None


def _classes(annotation: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """The model classes inside an annotation, each with ``[]`` for every list and map around it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield "", annotation
        return
    inside = "[]" if get_origin(annotation) in {tuple, list, set, frozenset, dict} else ""
    for argument in get_args(annotation):
        for place, kind in _classes(argument):
            yield inside + place, kind


class _Plan(NamedTuple):
    """What of one class is personal itself (numbers, names), and which fields lead to more."""

    numbers: tuple[str, ...]
    names: tuple[str, ...]
    nested: tuple[str, ...]


@cache
def _plan(kind: type[BaseModel]) -> _Plan | None:
    """None for a class that can hold no personal data: most facts."""
    numbers: list[str] = []
    names: list[str] = []
    nested: list[str] = []
    for name, field in kind.model_fields.items():
        if _mark(field) is not None:
            (names if name in _NAMES else numbers).append(name)
        elif any(True for _, inner in _classes(field.annotation) for _ in _paths(inner, "", (kind,))):
            nested.append(name)
    return _Plan(tuple(numbers), tuple(names), tuple(nested)) if numbers or names or nested else None


def convert_sealed(value: AnyCanonical, convert: Convert) -> AnyCanonical:
    """``value`` with ``convert`` (open, mask) applied to every personal text in it, however deep.

    A value without any comes back as it is.
    """
    result: AnyCanonical = _converted(value, convert, convert)
    return result


def convert_people(value: AnyCanonical, convert: Callable[[Passenger], Passenger]) -> AnyCanonical:
    """``value`` with ``convert`` applied to every person in it: a person's texts are sealed together, or not at all."""
    result: AnyCanonical = _people_converted(value, convert)
    return result


def _people_converted(value: Any, convert: Callable[[Passenger], Passenger]) -> Any:
    kind: type[BaseModel] = type(value)
    fields = _toward_people(kind)
    if not fields:
        return value if fields is None else convert(value)
    update: dict[str, Any] = {}
    for field in fields:
        inner = getattr(value, field)
        if type(inner) is tuple:
            update[field] = tuple([_people_converted(item, convert) for item in inner])
        elif inner is not None:
            update[field] = _people_converted(inner, convert)
    return altered(value, update)


def people_in(value: Canonical) -> list[Passenger]:
    """Every person in ``value``, as often as he stands there."""
    found: list[Passenger] = []
    _find_people(value, found)
    return found


def _find_people(value: Any, found: list[Passenger]) -> None:
    kind: type[BaseModel] = type(value)
    fields = _toward_people(kind)
    if fields is None:
        return
    if not fields:
        found.append(value)
    for field in fields:
        inner = getattr(value, field)
        for item in inner if type(inner) is tuple else (inner,):
            _find_people(item, found)


@cache
def _toward_people(kind: type[BaseModel]) -> tuple[str, ...] | None:
    """The fields of a class that may lead to people; none for a person himself, None where there can be nobody.

    Asked once for every class: ``isinstance`` of a model that is not one costs more than all the rest.
    """
    if issubclass(kind, Passenger):
        return ()
    fields = getattr(kind, "model_fields", {})  # a text has none, and leads to nobody
    return tuple(name for name, field in fields.items() if _leads_to_people(field.annotation, (kind,))) or None


def _leads_to_people(annotation: Any, above: tuple[type[BaseModel], ...]) -> bool:
    inside = {inner for _, inner in _classes(annotation)} - set(above)
    return any(
        issubclass(inner, Passenger)
        or any(_leads_to_people(field.annotation, (*above, inner)) for field in inner.model_fields.values())
        for inner in inside
    )


class PersonalValue(NamedTuple):
    """One personal text that a value holds; ``name``: it is one, else it is a number."""

    text: str
    name: bool


def personal_values(value: Canonical) -> tuple[PersonalValue, ...]:
    """Every personal text in ``value``, as often as it stands there: what must not be seen where it is shown."""
    found: list[PersonalValue] = []

    def keep(name: bool) -> Convert:
        def convert(text: str) -> str:
            found.append(PersonalValue(text, name))
            return text

        return convert

    _converted(value, keep(False), keep(True))
    return tuple(found)


def masked(value: AnyCanonical) -> AnyCanonical:
    """``value`` as it may be shown or logged: every number by its mask, every name by its first character."""
    result: AnyCanonical = _converted(value, masked_number, masked_name)
    return result


def masked_numbers(value: AnyCanonical) -> AnyCanonical:
    """``value`` with every number by its mask and names as they are: what those see who deal with the passenger."""
    result: AnyCanonical = _converted(value, masked_number, None)
    return result


def _converted(value: Any, convert: Convert, name: Convert | None) -> Any:
    kind: type[BaseModel] = type(value)
    plan = _plan(kind)
    if plan is None:
        return value
    update: dict[str, Any] = {}
    for field in plan.numbers:
        if (text := getattr(value, field)) is not None:
            update[field] = convert(text)
    if name is not None:
        for field in plan.names:
            if (text := getattr(value, field)) is not None:
                update[field] = name(text)
    for field in plan.nested:
        inner = getattr(value, field)
        if type(inner) is tuple:
            if inner:
                update[field] = tuple([_converted(item, convert, name) for item in inner])
        elif inner is not None:
            update[field] = _converted(inner, convert, name)
    return altered(value, update) if update else value


def masked_number(number: str) -> str:
    """What people see of a document number or phone: first two and last two characters, nothing if it is short.

    >>> masked_number("+8619900000001"), masked_number("E12345")
    ('+8***01', '***')
    """
    if number.startswith(_OLD_PREFIX):
        return number.split(":")[_OLD_MASK]
    if number.startswith(SEALED):
        return "***"
    if number == ERASED:
        return number
    clean = number.replace(":", "")
    return f"{clean[:2]}***{clean[-2:]}" if len(clean) > 6 else "***"


def masked_name(name: str) -> str:
    """What people see of a name: the first character of every word, so that a Chinese name keeps its family name.

    >>> masked_name("李未"), masked_name("Erika Muster")
    ('李*', 'E*** M***')
    """
    if name == ERASED:
        return name
    if name.startswith(SEALED):
        return "***"
    words = name.split()
    if len(words) == 1 and not name.isascii():
        return name[0] + "*" * max(1, len(name) - 1)
    return " ".join(f"{word[0]}***" for word in words)
