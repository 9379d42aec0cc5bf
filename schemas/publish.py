"""The published contract: JSON Schema 2020-12, generated from the models, committed, compared by a test.

    published/<version>/<name>.json      $id = /v1/schemas/<version>/<name>.json

Every file stands alone (its definitions are inside it), so that a stranger needs one file and one validator. Fields
that are personal data keep their marks ``x-personal`` and ``x-sealed``. ``interlock schema publish`` writes the files;
a version that has been released is never written again.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from schemas.events import CloudEvent, OrderEvent
from schemas.facts import (
    ChangeFact,
    Document,
    Fact,
    InvoiceFact,
    Leg,
    Override,
    Passenger,
    PaymentFact,
    PointOfSale,
    RefundFact,
    Seat,
    TicketContent,
    WaitlistRequested,
    WaitlistStep,
)
from schemas.model import SCHEMA_VERSION
from schemas.money import Money
from schemas.observation import Loss, Observation, ReferenceClaim, Rejection
from schemas.order import (
    Change,
    Dispute,
    Hold,
    Invoice,
    Order,
    OrderPassenger,
    Payment,
    Pickup,
    Reference,
    Refund,
    Ticket,
    Waitlist,
)
from schemas.problems import Problem
from schemas.timetable import Station, TimetableDocument, Train

DIALECT = "https://json-schema.org/draft/2020-12/schema"

PUBLISHED: Mapping[str, Any] = {
    "change": Change,
    "change_fact": ChangeFact,
    "cloud_event": CloudEvent,
    "dispute": Dispute,
    "document": Document,
    "fact": Fact,
    "hold": Hold,
    "invoice": Invoice,
    "invoice_fact": InvoiceFact,
    "leg": Leg,
    "loss": Loss,
    "money": Money,
    "observation": Observation,
    "order": Order,
    "order_event": OrderEvent,
    "order_passenger": OrderPassenger,
    "override": Override,
    "passenger": Passenger,
    "payment": Payment,
    "payment_fact": PaymentFact,
    "pickup": Pickup,
    "point_of_sale": PointOfSale,
    "problem": Problem,
    "reference": Reference,
    "reference_claim": ReferenceClaim,
    "refund": Refund,
    "refund_fact": RefundFact,
    "rejection": Rejection,
    "seat": Seat,
    "station": Station,
    "ticket": Ticket,
    "ticket_content": TicketContent,
    "timetable": TimetableDocument,
    "train": Train,
    "waitlist": Waitlist,
    "waitlist_requested": WaitlistRequested,
    "waitlist_step": WaitlistStep,
}
"""Name in the contract -> the type it is generated from."""


class SchemaUnknown(KeyError):
    """The contract has no type of this name."""


def generated(name: str) -> dict[str, Any]:
    """The JSON Schema of one type as the models say it now. Raises ``SchemaUnknown``."""
    if name not in PUBLISHED:
        raise SchemaUnknown(f"no type {name!r}; there are: {', '.join(PUBLISHED)}")
    body = TypeAdapter(PUBLISHED[name]).json_schema()
    title = body.pop("title", name.replace("_", " ").capitalize())
    head = {"$schema": DIALECT, "$id": f"/v1/schemas/{SCHEMA_VERSION}/{name}.json", "title": title}
    return head | body


def text(schema: Mapping[str, Any]) -> str:
    """A schema as the bytes of its file: keys in the models' order, so that a change reads as one in a diff."""
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


@cache
def published(name: str, version: str = SCHEMA_VERSION) -> dict[str, Any]:
    """The committed schema. Raises ``SchemaUnknown`` when that version has none of this name."""
    path = files("schemas").joinpath(f"published/{version}/{name}.json")
    if name not in PUBLISHED or not path.is_file():
        raise SchemaUnknown(f"no type {name!r} in version {version}; there are: {', '.join(PUBLISHED)}")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def folder() -> Path:
    """Where the files of this version are in a checkout."""
    return Path(str(files("schemas"))) / "published" / SCHEMA_VERSION


def differences(place: Path) -> Iterator[str]:
    """In words, every file of ``place`` that is not what the models say; nothing when all are."""
    wanted = {f"{name}.json" for name in PUBLISHED}
    for path in sorted(place.glob("*.json")):
        if path.name not in wanted:
            yield f"{path.name} is no type of the contract any more"
    for name in PUBLISHED:
        path = place / f"{name}.json"
        if not path.is_file():
            yield f"{path.name} is missing"
        elif path.read_text(encoding="utf-8") != text(generated(name)):
            yield f"{path.name} differs from the models"


def publish(place: Path) -> list[str]:
    """Write what differs; returns the names of the files written or removed."""
    place.mkdir(parents=True, exist_ok=True)
    touched = []
    for path in sorted(place.glob("*.json")):
        if path.stem not in PUBLISHED:
            path.unlink()
            touched.append(path.name)
    for name in PUBLISHED:
        path, content = place / f"{name}.json", text(generated(name))
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")
            touched.append(path.name)
    return touched


def personal_fields(model: type[Any]) -> dict[str, bool]:
    """The fields of a model that are personal data, by name -> whether they are sealed in the ledger."""
    found = {}
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get("x-personal"):
            found[name] = bool(extra.get("x-sealed"))
    return found
