"""A test message to a channel: signed as everything is, seen whole by the operator, and counted nowhere.

It is no event and no delivery: it has no order, touches no health figure and no breaker, and goes out to a paused or
disabled channel too, because that is when somebody wants to know whether it listens again.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from xml.sax.saxutils import quoteattr

from hub.delivery.envelope import MEDIA_TYPE, trial
from hub.delivery.signing import sign
from hub.delivery.wire import Response, post
from hub.ports import Profile
from hub.store.channels import Channel

TYPE = "interlock.test"


@dataclass(frozen=True, slots=True)
class TrialOptions:
    """The same as for deliveries: ``allow_private`` addresses, ``timeout_seconds``, and how the hub is called."""

    public_url: str
    allow_private: bool = False
    timeout_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What was sent and what came back."""

    url: str
    headers: dict[str, str]
    body: str
    response: Response

    def shown(self) -> dict[str, Any]:
        """For JSON."""
        answer = self.response
        return {
            "delivered": answer.delivered,
            "request": {"method": "POST", "url": self.url, "headers": self.headers, "body": self.body},
            "response": {"status": answer.status, "headers": dict(answer.headers), "body": answer.head},
            "duration_ms": round(answer.duration_ms, 1),
        }


def send_trial(
    channel: Channel, profile: Profile, secrets: list[str], identity: str, now: datetime, options: TrialOptions
) -> Trial:
    """Post one test message, in the channel's form, and wait for the answer. The channel must have an endpoint."""
    if channel.endpoint is None:
        raise ValueError(f"{channel.channel} has no endpoint")
    body, content_type = _message(channel, profile, identity, now, options.public_url)
    headers = sign(secrets, identity, now, body) | {"content-type": content_type}
    url = f"{channel.endpoint}/inbox"
    encoding = "utf-8" if channel.form == "cloudevents" else profile.encoding
    response = post(url, body, headers, options.timeout_seconds, options.allow_private)
    return Trial(url, headers, body.decode(encoding, "replace"), response)


def _message(channel: Channel, profile: Profile, identity: str, now: datetime, public_url: str) -> tuple[bytes, str]:
    """A CloudEvent, or the nearest thing in the channel's own kind of document: JSON, XML or a line of text."""
    said = trial(public_url, identity, now.isoformat())
    if channel.form == "cloudevents":
        return json.dumps(said, ensure_ascii=False).encode(), f"{MEDIA_TYPE}; charset=utf-8"
    content = {"type": TYPE, "id": identity, "time": said["time"], **said["data"]}
    if "json" in profile.media_type:
        text = json.dumps(content, ensure_ascii=False)
    elif "xml" in profile.media_type:
        attributes = " ".join(f"{name}={quoteattr(value)}" for name, value in content.items())
        text = f'<?xml version="1.0" encoding="{profile.encoding}"?><interlock-test {attributes}/>'
    else:
        text = " ".join(content.values())
    return text.encode(profile.encoding, "replace"), profile.media_type
