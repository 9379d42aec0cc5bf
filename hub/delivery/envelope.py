"""CloudEvents 1.0, structured mode, JSON format: what a channel gets that prefers the canonical order to its own form.

Source: CloudEvents 1.0.2 "HTTP Protocol Binding" 3.2; ``sequence`` is the extension of that name.
"""

from typing import Any

from hub.ports import Formatted
from schemas.events import CloudEvent, OrderEvent
from schemas.model import SCHEMA_VERSION
from schemas.order import Order

MEDIA_TYPE = "application/cloudevents+json"


def cloud_event(public_url: str, event: OrderEvent, order: Order) -> CloudEvent:
    """The event in its envelope. ``order`` is masked by the caller, or clear for who may read it."""
    return CloudEvent(
        id=str(event.event_id),
        source=f"{public_url}/v1",
        type=event_type(event.type),
        subject=str(event.order_id),
        time=event.recorded_at,
        dataschema=f"{public_url}/v1/schemas/{SCHEMA_VERSION}/order.json",
        sequence=f"{event.sequence:09d}",
        data=order,
    )


def event_type(name: str) -> str:
    """The type as CloudEvents names it: ``order.issued`` -> ``interlock.order.issued.v1``."""
    return f"interlock.{name}.v1"


def enveloped(public_url: str, event: OrderEvent, order: Order) -> Formatted:
    """The body that is posted. Nothing is lost: the canonical form says everything."""
    body = cloud_event(public_url, event, order).model_dump_json().encode()
    return Formatted(body, f"{MEDIA_TYPE}; charset=utf-8")


def trial(public_url: str, identity: str, at: str) -> dict[str, Any]:
    """A test message as a CloudEvent: of a type of its own, with no order in it."""
    return {
        "specversion": "1.0",
        "id": identity,
        "source": f"{public_url}/v1",
        "type": "interlock.test",
        "time": at,
        "datacontenttype": "application/json",
        "data": {
            "message": "a test message of Interlock: nothing has happened, nothing is to be done",
            "zh": "测试报文",
        },
    }
