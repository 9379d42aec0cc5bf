"""What stands on a channel's page: how it fares, its terms as a form, secrets, replays, and who did what to it.

The form is made from the API's own body (``hub.api.bodies.Changes``) and the adapter's profile: a new term has a field
on the page from the day it is declared.
"""

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any, TypeVar
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow
from pydantic import BaseModel, ValidationError

from hub.api.bodies import Changes
from hub.ports import Profile
from hub.store.channels import Channel
from interlock.console.asking import Form, digest
from schemas.problems import Pointer, Problem, ProblemError, problem
from sso.people import identities

HISTORY_ROWS = 20


def set_terms(channel: Channel) -> dict[str, Any]:
    """The terms as they were set: ``hub.delivery.terms.shown`` tells what comes of them."""
    found = {name: getattr(channel, name) for name in Changes.model_fields}
    return {name: value.isoformat("minutes") if isinstance(value, time) else value for name, value in found.items()}


def fields(terms: Mapping[str, Any], profile: Profile) -> list[dict[str, Any]]:
    """``{name, kind, value, options, maximum, whole}`` of every term; kind: text, number, time, choice, many, flag."""
    described = Changes.model_json_schema()["properties"]
    return [_field(name, described[name], terms[name], profile) for name in Changes.model_fields]


def _field(name: str, described: Mapping[str, Any], value: Any, profile: Profile) -> dict[str, Any]:
    branches: Sequence[Mapping[str, Any]] = described.get("anyOf", (described,))
    kind = next(branch for branch in branches if branch.get("type") != "null")
    found: dict[str, Any] = {"name": name, "value": value, "options": [], "maximum": None, "whole": False}
    if "enum" in kind:
        return found | {"kind": "choice", "options": list(kind["enum"])}
    if kind["type"] == "array":
        return found | {"kind": "many", "options": sorted(profile.subscribes)}
    if kind["type"] in ("number", "integer"):
        return found | {"kind": "number", "maximum": kind.get("maximum"), "whole": kind["type"] == "integer"}
    if kind["type"] == "boolean":
        return found | {"kind": "flag"}
    return found | {"kind": "time" if kind.get("format") == "time" else "text"}


def changes_of(form: Form, shown: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The form as the body of ``PATCH /v1/channels/{channel}``; an empty field takes a limit away."""
    found: dict[str, Any] = {}
    for item in shown:
        name = item["name"]
        if item["kind"] == "many":
            chosen = form.chosen(name)
            # All of them is no choice: what the adapter learns later is told too.
            found[name] = None if set(chosen) >= set(item["options"]) else chosen
        elif item["kind"] == "flag":
            found[name] = name in form
        else:
            found[name] = form.text(name) if item["kind"] != "text" else form.long(name) or None
    return found


def wrong_fields(found: Problem) -> dict[str, str]:
    """field -> what is wrong with it; ``""`` holds what is about no single field."""
    return {p.pointer.removeprefix("/body/").split("/")[0]: p.expected for p in found.pointers} or {"": found.detail}


def _as_problem(error: ValidationError) -> Problem:
    """What Pydantic says of a form, as the API says it of a body."""
    places = ["/body/" + "/".join(map(str, e["loc"])) for e in error.errors()]
    told = tuple(Pointer(pointer=p[:190], expected=e["msg"][:200]) for p, e in zip(places, error.errors(), strict=True))
    return problem("query_invalid", "See the places that pointers names.", told)


Asked = TypeVar("Asked", bound=BaseModel)


def body_of(kind: type[Asked], values: Mapping[str, Any]) -> Asked:
    """``values`` of a form as a body of the API; an empty field takes its default. Raises the problem of the API."""
    said = {name: value for name, value in values.items() if value is not None or _nullable(kind, name)}
    try:
        return kind.model_validate(said)
    except ValidationError as error:
        raise ProblemError(_as_problem(error)) from error


def _nullable(kind: type[BaseModel], name: str) -> bool:
    return kind.model_fields[name].default is None


def seen(channel: Channel) -> str:
    """A mark of terms and secrets as the page showed them: whoever has changed them meanwhile is not overwritten."""
    return digest([set_terms(channel), channel.secrets, channel.state])


def named(connection: Connection[TupleRow], rows: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """``rows`` with the display name of the member of staff whose id stands in ``key``, as ``who``."""
    names = {actor: name_of(connection, actor) for actor in {row[key] for row in rows}}
    return [row | {"who": names[row[key]]} for row in rows]


def name_of(connection: Connection[TupleRow], actor: str) -> str:
    """The display name of a member of staff; of anybody else, what he is called already."""
    try:
        identity = identities.load(connection, UUID(actor))
    except ValueError:  # the command line, a program, the hub itself
        return actor
    return identity.display_name if identity else actor
