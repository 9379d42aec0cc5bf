"""What is posted: a valid CloudEvent, numbers of people clear only where that is allowed, and a test message."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from standardwebhooks.webhooks import Webhook

from hub.delivery.trial import TrialOptions, send_trial
from hub.ports import Profile
from hub.store import channels, health
from interlock.clock import SetClock
from interlock.database import Pool
from schemas.model import SCHEMA_VERSION
from schemas.publish import published
from tests.hub.inbox import Inbox, open_inbox
from tests.hub.railway import SECRET, Railway, connect, hold, open_railway, sale
from tests.hub.telling import QUICK, drain

OPTIONS = TrialOptions("http://hub.test", allow_private=True)


@pytest.fixture
def railway(pool: Pool, clock: SetClock) -> Railway:
    return open_railway(pool, clock, QUICK)


@pytest.fixture
def inbox(railway: Railway) -> Iterator[Inbox]:
    with open_inbox() as opened:
        connect(railway, "south", opened.url)
        yield opened


def told(railway: Railway, inbox: Inbox, **terms: object) -> list[dict[str, Any]]:
    """What the inbox gets of a hold and a sale when the connection has these terms."""
    with railway.pool.connection() as connection:
        channels.configure(connection, "south", {"form": "cloudevents", **terms})
    railway.tell("north", "h-1", hold("EN00000001", "north", railway.clock(), seat="1A"))
    drain(railway)
    railway.tell("north", "m-1", sale("EN00000002", "north", railway.clock(), seat="2A"))
    drain(railway)
    assert inbox.unsigned == []
    return [json.loads(body) for body in inbox.received]


def test_a_cloud_event_is_valid_against_the_published_schema(railway: Railway, inbox: Inbox) -> None:
    events = told(railway, inbox)
    assert [event["type"] for event in events] == ["interlock.order.held.v1", "interlock.order.issued.v1"]
    validator = jsonschema.Draft202012Validator(
        published("cloud_event"), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    for event, request in zip(events, inbox.requests, strict=True):
        assert list(validator.iter_errors(event)) == []
        assert event["dataschema"].endswith(f"/v1/schemas/{SCHEMA_VERSION}/order.json")
        assert event["id"] == request["webhook-id"]
        assert request["content-type"] == "application/cloudevents+json; charset=utf-8"


def test_numbers_of_people_are_masked_unless_the_connection_may_have_them(railway: Railway, inbox: Inbox) -> None:
    events = told(railway, inbox)
    assert [e["data"]["passengers"][0]["document"]["number"] for e in events] == ["X0***01", "X0***02"]
    assert "+8619900000002" not in inbox.received[1]


def test_a_connection_that_may_have_them_gets_them_clear(railway: Railway, inbox: Inbox) -> None:
    events = told(railway, inbox, personal_data=True)
    assert [e["data"]["passengers"][0]["document"]["number"] for e in events] == ["X00000001", "X00000002"]


# --- test messages --------------------------------------------------------------------------------------------------


def profile(media_type: str, encoding: str) -> Profile:
    return Profile(channel="south", name_zh="南", name_en="south", media_type=media_type, encoding=encoding)


@pytest.mark.parametrize(
    ("form", "media_type", "encoding", "begins"),
    [
        ("native", "application/json", "utf-8", '{"type": "interlock.test"'),
        ("native", "text/xml; charset=GB18030", "gb18030", '<?xml version="1.0" encoding="gb18030"?><interlock-test'),
        ("native", "text/plain; charset=GB18030", "gb18030", "interlock.test test_1"),
        ("cloudevents", "text/plain", "gb18030", '{"specversion": "1.0"'),
    ],
)
def test_a_test_message_is_signed_shown_and_counts_nowhere(
    railway: Railway, form: str, media_type: str, encoding: str, begins: str
) -> None:
    with open_inbox(encoding=encoding if form == "native" else "utf-8") as inbox:
        connect(railway, "south", inbox.url)
        with railway.pool.connection() as connection:
            channels.configure(connection, "south", {"form": form})
            channel = channels.find(connection, "south")
        assert channel is not None
        trial = send_trial(channel, profile(media_type, encoding), [SECRET], "test_1", datetime.now(UTC), OPTIONS)
        assert trial.body.startswith(begins)
        assert "测试报文" in trial.body
        assert (inbox.unsigned, inbox.received) == ([], [trial.body])
        shown = trial.shown()
        assert shown["delivered"]
        assert shown["request"]["headers"]["webhook-signature"].startswith("v1,")
        assert shown["response"]["status"] == 204
        assert SECRET not in json.dumps(shown)
        with railway.pool.connection() as connection:
            (row,) = [row for row in health.channels(connection) if row["channel"] == "south"]
        assert (row["delivered"], row["failed"], row["waiting"]) == (0, 0, 0)


def test_nobody_there_is_an_answer_too_and_a_private_address_is_refused(railway: Railway) -> None:
    connect(railway, "south", "http://127.0.0.1:9")
    with railway.pool.connection() as connection:
        channel = channels.find(connection, "south")
    assert channel is not None
    json_profile = profile("application/json", "utf-8")
    nobody = send_trial(channel, json_profile, [SECRET], "test_1", datetime.now(UTC), OPTIONS)
    assert (nobody.response.status, nobody.shown()["delivered"]) == (None, False)
    assert nobody.response.head
    guarded = TrialOptions("http://hub.test", allow_private=False)
    refused = send_trial(channel, json_profile, [SECRET], "test_1", datetime.now(UTC), guarded)
    assert "no public address" in refused.response.head


def test_the_reference_library_takes_our_test_message(railway: Railway, inbox: Inbox) -> None:
    with railway.pool.connection() as connection:
        channel = channels.find(connection, "south")
    assert channel is not None
    trial = send_trial(channel, profile("application/json", "utf-8"), [SECRET], "test_1", datetime.now(UTC), OPTIONS)
    assert Webhook(SECRET).verify(trial.body, trial.headers)["type"] == "interlock.test"
