"""Acts of weight ask for two factors, proven lately (RFC 9470)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from hub.api import Access, Principal
from hub.api.access import StepUp, StepUpNeeded
from interlock.wiring import Hub, step_up
from sso.people.assurance import MULTI_FACTOR, SINGLE_FACTOR
from tests.api.people import bearer, person_token, tokens

NOW = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
NOBODY = "01890000-0000-7000-8000-000000000000"
CHALLENGE = f'Bearer error="insufficient_user_authentication", acr_values="{MULTI_FACTOR}", max_age="900"'


@pytest.mark.parametrize(
    ("acr", "age_s", "good"),
    [
        (MULTI_FACTOR, 0, True),
        (MULTI_FACTOR, 900, True),
        (MULTI_FACTOR, 901, False),
        (SINGLE_FACTOR, 0, False),
        (None, 0, False),
        ("urn:interlock:acr:document-at-window", 0, False),
    ],
)
def test_how_surely_and_how_lately(hub: Hub, acr: str | None, age_s: int, good: bool) -> None:
    asked = StepUp(MULTI_FACTOR, timedelta(minutes=15))
    access = Access(hub.pool, hub.seal, lambda token: Principal(token, frozenset()), lambda: NOW, step_up=asked)
    principal = Principal("x", frozenset({"hub:finance"}), acr=acr, auth_time=int(NOW.timestamp()) - age_s)
    if good:
        access.must_be_sure(principal)
    else:
        with pytest.raises(StepUpNeeded) as needed:
            access.must_be_sure(principal)
        assert needed.value.challenge == CHALLENGE


@pytest.mark.parametrize(
    ("who", "path", "body"),
    [
        ("finance", f"/v1/retractions/{NOBODY}/approve", None),
        ("finance", f"/v1/recon/resolutions/{NOBODY}/approve", None),
        ("admin", "/v1/persons/erasures", {"document_type": "passport", "number": "X99999999"}),
    ],
)
def test_each_act_of_weight_tells_what_it_asks_and_then_is_done(
    hub: Hub, client: TestClient, who: str, path: str, body: dict[str, str] | None
) -> None:
    people = tokens(hub, client)
    refused = client.post(path, json=body, headers=bearer(person_token(client, who)))
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, CHALLENGE)
    assert refused.json()["code"] == "insufficient_user_authentication"
    done = client.post(path, json=body, headers=bearer(people[who]))
    assert done.json()["code"] != "insufficient_user_authentication"
    assert "www-authenticate" not in done.headers


def test_who_only_looks_is_asked_for_nothing_more(hub: Hub, client: TestClient) -> None:
    tokens(hub, client)
    body = {"document_type": "passport", "number": "X99999999", "dry_run": True}
    looked = client.post("/v1/persons/erasures", json=body, headers=bearer(person_token(client, "admin")))
    assert looked.json()["code"] == "person_unknown"
    assert client.get("/v1/retractions", headers=bearer(person_token(client, "finance"))).status_code == 200


def test_an_operator_may_turn_it_off(hub: Hub) -> None:
    assert step_up(hub.settings) == StepUp(MULTI_FACTOR, timedelta(minutes=15))
    assert step_up(hub.settings.model_copy(update={"step_up_minutes": 0})) is None
