"""Acts under an Idempotency-Key: done once, answered the same way, whoever was killed in between."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from interlock.web import build_app
from interlock.wiring import Hub
from tests.api.people import People, bearer, tokens
from tests.console.harness import PUBLIC_URL

ROTATE = "/v1/channels/web/rotate"


@pytest.fixture
def site(hub: Hub) -> Iterator[TestClient]:
    with TestClient(build_app(hub), base_url=PUBLIC_URL, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def people(hub: Hub, site: TestClient) -> People:
    return tokens(hub, site)


@pytest.fixture
def operator(people: People) -> str:
    return people["operator"]


def act(site: TestClient, token: str, key: str | None, path: str = ROTATE, overlap_hours: float | None = 1) -> Any:
    headers = bearer(token) | ({"idempotency-key": key} if key is not None else {})
    body = {} if overlap_hours is None else {"overlap_hours": overlap_hours}
    return site.post(path, json=body, headers=headers)


def acts(hub: Hub, action: str = "channel.rotate") -> int:
    with hub.pool.connection() as connection:
        found = connection.execute("SELECT count(*) FROM hub.audit WHERE action = %s", (action,)).fetchone()
    assert found is not None
    return int(found[0])


def kept(hub: Hub, what: str = "count(*)") -> Any:
    with hub.pool.connection() as connection:
        found = connection.execute(f"SELECT {what} FROM hub.requests".encode()).fetchone()
    assert found is not None
    return found[0]


def test_asked_again_under_its_key_it_is_done_once_and_answered_the_same(
    hub: Hub, site: TestClient, operator: str
) -> None:
    first = act(site, operator, "r-1")
    again = act(site, operator, '"r-1"')  # quoted, as RFC 8941 would have it
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert first.json()["secret"].startswith("whsec_")
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]
    assert "idempotency-replayed" not in first.headers
    assert acts(hub) == 1
    assert first.json()["secret"].encode() not in kept(hub, "answer"), "a kept secret is sealed"
    assert act(site, operator, "r-2").json()["secret"] != first.json()["secret"]
    assert act(site, operator, None).status_code == 200
    assert acts(hub) == 3


def test_its_key_is_its_callers_own_and_for_one_request(
    hub: Hub, site: TestClient, people: People, operator: str
) -> None:
    act(site, operator, "r-1")
    for other in (act(site, operator, "r-1", ROTATE, 2), act(site, operator, "r-1", "/v1/channels/app/rotate")):
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    mine = act(site, people["admin"], "r-1")
    assert mine.status_code == 200
    assert "idempotency-replayed" not in mine.headers
    assert acts(hub) == 2


def test_asked_by_many_at_once_it_is_done_once(hub: Hub, site: TestClient, operator: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        said = list(threads.map(lambda _: act(site, operator, "r-1"), range(24)))
    good = [answer for answer in said if answer.status_code == 200]
    assert good
    assert len({answer.content for answer in good}) == 1
    assert {(a.status_code, a.json()["code"]) for a in said if a not in good} <= {(409, "idempotency_key_in_use")}
    assert acts(hub) == 1


def test_what_was_refused_did_nothing_and_its_key_is_free(
    hub: Hub, site: TestClient, people: People, operator: str
) -> None:
    wrong = act(site, operator, "r-1", ROTATE, -1)
    assert wrong.status_code == 400
    assert kept(hub) == 0
    assert act(site, operator, "r-1").status_code == 200
    assert act(site, people["phone"], "r-1").status_code == 403
    assert act(site, "nobody", "r-1").status_code == 401
    for absurd in ("", '""', "x" * 201):
        refused = act(site, operator, absurd)
        assert (refused.status_code, refused.json()["code"]) == (400, "query_invalid"), absurd
    assert (kept(hub), acts(hub)) == (1, 1)


@pytest.mark.parametrize("done", [True, False])
def test_after_a_process_was_killed_in_between_the_audit_says_whether_it_was_done(
    hub: Hub, site: TestClient, operator: str, done: bool
) -> None:
    act(site, operator, "r-1")
    with hub.pool.connection() as connection:  # as if the process had ended before it wrote the answer down
        connection.execute("UPDATE hub.requests SET status = NULL, answer = NULL")
        if not done:  # ... and even before the act
            connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute("DELETE FROM hub.audit WHERE action = 'channel.rotate'")
    again = act(site, operator, "r-1")
    if done:
        assert (again.status_code, again.json()["code"]) == (409, "idempotency_answer_lost")
        assert "row 1 of the audit" in again.json()["detail"]
    else:
        assert again.status_code == 200
        assert act(site, operator, "r-1").content == again.content
    assert acts(hub) == 1


def test_a_failure_of_ours_leaves_the_question_open(hub: Hub, site: TestClient, operator: str) -> None:
    with hub.pool.connection() as connection:
        connection.execute("ALTER TABLE hub.channels RENAME TO channels_away")
    failed = act(site, operator, "r-1")
    with hub.pool.connection() as connection:
        connection.execute("ALTER TABLE hub.channels_away RENAME TO channels")
    assert failed.status_code == 500
    assert act(site, operator, "r-1").status_code == 200
    assert acts(hub) == 1


def test_after_the_window_a_key_may_be_used_again(hub: Hub, site: TestClient, operator: str) -> None:
    first = act(site, operator, "r-1")
    act(site, operator, "r-2")
    with hub.pool.connection() as connection:
        connection.execute(
            "UPDATE hub.requests SET began_at = began_at - %s", (timedelta(hours=hub.settings.idempotency_hours),)
        )
    second = act(site, operator, "r-1", ROTATE, 3)
    assert second.status_code == 200
    assert second.content != first.content
    assert kept(hub) == 1, "what is too old is gone"


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("/v1/channels/web/pause", "channel.pause"),
        ("/v1/channels/web/replay", "channel.replay"),
        ("/v1/deadletters/web/replay", "deadletter.replay"),
    ],
)
def test_every_act_takes_a_key(hub: Hub, site: TestClient, operator: str, path: str, action: str) -> None:
    first, again = (act(site, operator, "a-1", path, None) for _ in range(2))
    assert (first.status_code, again.content) == (200, first.content)
    assert acts(hub, action) == 1
    changed = [
        site.patch(
            "/v1/channels/web", json={"quota_per_minute": 5}, headers=bearer(operator, **{"idempotency-key": "p"})
        )
        for _ in range(2)
    ]
    assert changed[1].headers["idempotency-replayed"] == "true"
    assert acts(hub, "channel.configure") == 1


def test_a_message_is_no_act_and_its_key_is_its_id(hub: Hub, site: TestClient, people: People) -> None:
    headers = bearer(people["web"], **{"idempotency-key": "m-1"})
    first, again = (site.post("/v1/channels/web/messages", content=b"{}", headers=headers) for _ in range(2))
    assert first.json()["message_id"] == again.json()["message_id"] == "m-1"
    assert kept(hub) == 0
