"""The events as an AsyncAPI 3.0 document: what is pushed to each channel, and the feed that anybody may pull.

Source: AsyncAPI specification 3.0.0; CloudEvents 1.0.2 (structured mode, JSON); Standard Webhooks 1.0 (headers).
Examples are those of ``schemas/examples/valid``, which CI validates.
"""

from collections.abc import Mapping
from typing import Any, get_args

from hub.delivery.envelope import trial
from hub.ports import Profile
from schemas.events import INTERNAL_TYPES, EventType
from schemas.examples import examples
from schemas.model import SCHEMA_VERSION

ABOUT: Mapping[str, str] = {
    "order.held": "Seats are held until a time; nobody has paid yet.",
    "order.issued": "Tickets came into being: sold, paid elsewhere, issued by a change or out of a waitlist.",
    "order.paid": "A payment moved: begun, captured, failed, cancelled or charged back by the bank.",
    "order.changed": "Tickets were exchanged for others, or an exchange was quoted or settled.",
    "order.refunded": "Tickets were given back, or a repayment was requested, sent, settled or failed.",
    "order.cancelled": "A hold was given up, or a ticket is void.",
    "order.expired": "A hold ran out: its seats are free again.",
    "order.collected": "Paper was printed, or what was reserved elsewhere was picked up.",
    "order.travelled": "A passenger was checked, entered, left, was re-signed on board, or a seat was released.",
    "order.waitlisted": "Seats to come were requested, or a request was realised, cancelled or lapsed.",
    "order.invoiced": "A tax invoice was issued or reversed.",
    "order.joined": "Two orders are one: told under the id that goes on and under the one that leads to it.",
    "order.disputed": "Two systems contradict each other; both words are kept and a case is open.",
    "order.resolved": "A person or a policy decided a dispute, or a statement was withdrawn.",
}
"""What an event of each delivered type says. A change of several kinds is named after the first of them in effect."""

SCHEMA_FORMAT = "application/schema+json;version=2020-12"
"""The dialect of the published schemas; AsyncAPI's own is a draft-07."""

DELIVERED = tuple(name for name in get_args(EventType) if name not in INTERNAL_TYPES)

WEBHOOK_HEADERS: Mapping[str, Any] = {
    "type": "object",
    "description": "Standard Webhooks 1.0. Sign and compare `webhook-id.webhook-timestamp.body`.",
    "required": ["webhook-id", "webhook-timestamp", "webhook-signature", "content-type"],
    "properties": {
        "webhook-id": {
            "type": "string",
            "format": "uuid",
            "description": "The event's id, the same at every attempt: what has this id was seen before.",
        },
        "webhook-timestamp": {
            "type": "string",
            "pattern": "^[0-9]+$",
            "description": "Seconds since 1970 at this attempt; refuse what is more than five minutes away.",
        },
        "webhook-signature": {
            "type": "string",
            "pattern": "^v1a?,[A-Za-z0-9+/]+={0,2}( v1a?,[A-Za-z0-9+/]+={0,2})*$",
            "description": "`v1,` and a base64 HMAC-SHA256, or `v1a,` and an Ed25519 signature; one per good key.",
        },
        "content-type": {"type": "string", "description": "The channel's own media type, or that of CloudEvents."},
    },
}


def asyncapi_document(public_url: str, profiles: Mapping[str, Profile]) -> dict[str, Any]:
    """AsyncAPI 3.0. ``profiles``: the channels that are pushed to, each in its native form and only what it wants."""
    pushed = {name: profile for name, profile in sorted(profiles.items()) if profile.subscribes}
    return {
        "asyncapi": "3.0.0",
        "id": "urn:interlock:events",
        "info": {
            "title": "Interlock events",
            "version": SCHEMA_VERSION,
            "description": "Every decided message about an order is one event. A channel is pushed those that it"
            " subscribes to, in its own form or as CloudEvents, in order within an order; it answers 2xx when it has"
            " taken one. Anything"
            " else is tried again with growing pauses (a Retry-After is honoured), 410 ends it, and what could not be"
            " delivered can be replayed. An event never goes back to the channel that caused it. The feed has all"
            " events in the canonical form.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "externalDocs": {"url": f"{public_url}/v1/openapi.json", "description": "The HTTP interface"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "hub": {
                "host": public_url.split("://", 1)[-1].split("/", 1)[0],
                "protocol": public_url.split("://", 1)[0],
                "description": "The hub: where the feed is asked for.",
            },
            "subscriber": {
                "host": "{endpoint}",
                "protocol": "https",
                "description": "A channel's own system, as it was registered.",
                "variables": {"endpoint": {"description": "Host and path of the channel's endpoint."}},
            },
        },
        "channels": {"feed": _feed(), **{f"inbox_{name}": _inbox(name, p) for name, p in pushed.items()}},
        "operations": {
            "pull_feed": {
                "action": "send",
                "channel": {"$ref": "#/channels/feed"},
                "title": "What changed since",
                "summary": "A page of events and the cursor to ask with next; an empty page gives the same cursor.",
                "messages": [{"$ref": f"#/channels/feed/messages/{_key(name)}"} for name in DELIVERED],
                "bindings": {"http": {"method": "GET", "query": _FEED_QUERY, "bindingVersion": "0.3.0"}},
            },
            **{f"deliver_to_{name}": _delivery(name, profile) for name, profile in pushed.items()},
        },
        "components": {
            "messages": {
                **{_key(name): _event(name, public_url) for name in DELIVERED},
                **{f"pushed_{_key(name)}": _pushed(name, public_url) for name in DELIVERED},
                "test": _test(public_url),
                **{f"native_{name}": _native(name, profile) for name, profile in pushed.items()},
            },
            "schemas": {"WebhookHeaders": dict(WEBHOOK_HEADERS)},
        },
    }


_FEED_QUERY: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "after": {"type": "string", "description": "The cursor of the last page; none: from the beginning."},
        "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
    },
}


def _key(name: str) -> str:
    """An event type as a key of the document: letters, digits, hyphens and underscores (AsyncAPI 3.0, maps)."""
    return name.replace(".", "_")


def _feed() -> dict[str, Any]:
    return {
        "address": "/v1/events",
        "title": "The feed",
        "description": "CloudEvents in their JSON form, in a safe order: a page never skips a row that is committed"
        " later. A channel gets the events of the orders in which it took part.",
        "servers": [{"$ref": "#/servers/hub"}],
        "messages": {_key(name): {"$ref": f"#/components/messages/{_key(name)}"} for name in DELIVERED},
    }


def _inbox(name: str, profile: Profile) -> dict[str, Any]:
    scope = {"all": "every order", "own": "orders in which it took part"}[profile.scope]
    return {
        "address": "/inbox",
        "title": f"{profile.name_en} {profile.name_zh}",
        "description": f"Pushed to {name}, of {scope}: {', '.join(sorted(profile.subscribes))}.",
        "servers": [{"$ref": "#/servers/subscriber"}],
        "messages": {
            "native": {"$ref": f"#/components/messages/native_{name}"},
            "test": {"$ref": "#/components/messages/test"},
            **{_key(event): {"$ref": f"#/components/messages/pushed_{_key(event)}"} for event in _wanted(profile)},
        },
    }


def _wanted(profile: Profile) -> list[str]:
    return [name for name in DELIVERED if name in profile.subscribes]


def _delivery(name: str, profile: Profile) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/inbox_{name}"},
        "title": f"Deliver to {name}",
        "summary": "One POST per event, signed; 2xx means taken.",
        "messages": [
            {"$ref": f"#/channels/inbox_{name}/messages/{form}"}
            for form in ("native", "test", *map(_key, _wanted(profile)))
        ],
        "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
    }


def _event(name: str, public_url: str) -> dict[str, Any]:
    """An event in the canonical form: the envelope's type is fixed, its data is the order as it stands."""
    shown = examples("valid").get(f"cloud_event--{name.replace('.', '-')}")
    body: dict[str, Any] = {
        "name": f"interlock.{name}.v1",
        "title": name,
        "summary": ABOUT[name],
        "contentType": "application/cloudevents+json",
        "payload": {
            "schemaFormat": SCHEMA_FORMAT,
            "schema": {
                "allOf": [
                    {"$ref": f"{public_url}/v1/schemas/{SCHEMA_VERSION}/cloud_event.json"},
                    {"properties": {"type": {"const": f"interlock.{name}.v1"}}},
                ]
            },
        },
    }
    if shown is not None:
        source = {"source": f"{public_url}/v1", "dataschema": f"{public_url}/v1/schemas/{SCHEMA_VERSION}/order.json"}
        body["examples"] = [{"name": name, "summary": ABOUT[name], "payload": {**shown, **source}}]
    return body


def _pushed(name: str, public_url: str) -> dict[str, Any]:
    """The same event when it is posted to a channel that prefers the canonical form; its example is the feed's."""
    event = {key: value for key, value in _event(name, public_url).items() if key != "examples"}
    return event | {
        "description": "Numbers of people are masked, unless the connection is allowed to have them.",
        "headers": {"$ref": "#/components/schemas/WebhookHeaders"},
    }


def _test(public_url: str) -> dict[str, Any]:
    """What an operator sends to see whether a channel listens: no event, no order, signed like everything."""
    shown = trial(public_url, "01900000-0000-7000-8000-000000000001", "2026-01-11T09:00:00+08:00")
    return {
        "name": shown["type"],
        "title": "A test message",
        "summary": "Nothing has happened, nothing is to be done: answer 2xx.",
        "description": "As a CloudEvent, or the nearest thing in the channel's own kind of document.",
        "contentType": "application/cloudevents+json",
        "headers": {"$ref": "#/components/schemas/WebhookHeaders"},
        "payload": {
            "type": "object",
            "required": ["specversion", "id", "source", "type", "time", "data"],
            "properties": {"type": {"const": shown["type"]}, "data": {"type": "object"}},
        },
        "examples": [{"name": "test", "summary": "a test message", "payload": shown}],
    }


def _native(name: str, profile: Profile) -> dict[str, Any]:
    return {
        "name": f"{name}.native",
        "title": f"An event in the form of {name}",
        "summary": f"What the adapter writes: {profile.media_type}, {profile.encoding}.",
        "description": "The order as it stands, in the channel's own language; what it has no word for is reported to"
        " the operator as a loss. Field by field: the adapter's README.",
        "contentType": profile.media_type,
        "headers": {"$ref": "#/components/schemas/WebhookHeaders"},
        "payload": {"description": f"Bytes in {profile.encoding}, at most {profile.max_message_bytes:,}."},
    }
