"""Who may see names and numbers of people, and that it is written down before anything is shown."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from interlock.wiring import Hub
from tests.api.test_bad_input import samples
from tests.api.test_silence import private_words
from tests.console.harness import RESIDENT_ID, Browser
from tests.console.test_channel import audited
from tests.console.test_pages import order_page


def people(hub: Hub) -> list[str]:
    """The names in the samples of the day."""
    return [word for word in private_words(samples("web")) if not any(c.isdigit() for c in word) and len(word) > 1]


def named(page: str, names: list[str]) -> list[str]:
    return [name for name in names if name in page]


def test_pages_and_twins_mask_names_as_well_as_numbers(operator: Browser, hub: Hub) -> None:
    names = people(hub)
    assert names
    for path in (order_page(operator), "/console/messages/1", "/console/rejections/1", "/console/cases"):
        assert named(operator.get(path).text, names) == [], path
        assert named(operator.json(path).text, names) == [], path


def test_who_has_the_right_looks_and_it_is_written_down(operator: Browser, hub: Hub) -> None:
    path = order_page(operator)
    order_id = path.rpartition("/")[2]
    shown = operator.submit(f"{path}/look", path, why="passenger")
    assert shown.status_code == 200
    assert named(shown.text, people(hub))
    assert RESIDENT_ID in shown.text
    assert "this was written down" in shown.text
    assert shown.headers["cache-control"] == "no-store"
    assert audited(hub) == [("order.look", order_id, {"why": "passenger"})]
    assert named(operator.get(path).text, people(hub)) == [], "the next look is another act"

    for page, action in (("/console/messages/1", "message.look"), ("/console/rejections/1", "rejection.look")):
        raw = operator.submit(f"{page}/look", page, why="fault")
        assert RESIDENT_ID in raw.text, page
        assert audited(hub)[-1] == (action, "1", {"why": "fault"})


def test_without_a_reason_nothing_is_shown(operator: Browser, hub: Hub) -> None:
    path = order_page(operator)
    for why in ("", "curious", "990101199003070015"):
        answer = operator.submit(f"{path}/look", path, why=why)
        assert answer.status_code == 400
        assert named(answer.text, people(hub)) == []
    assert audited(hub) == []


def test_who_has_no_right_sees_nobody(site: TestClient, hub: Hub) -> None:
    for login in ("finance", "auditor"):
        browser = Browser(site)
        browser.log_in(login)
        path = order_page(browser)
        assert "/look" not in browser.get(path).text
        refused: Any = browser.submit(f"{path}/look", path, why="passenger")
        assert refused.status_code == 403
        assert named(refused.text, people(hub)) == []
    assert audited(hub) == []


def test_what_cannot_be_written_down_is_not_shown(operator: Browser, hub: Hub) -> None:
    path = order_page(operator)
    with hub.pool.connection() as connection:
        connection.execute(
            "ALTER TABLE hub.audit ADD CONSTRAINT audit_is_full CHECK (action <> 'order.look') NOT VALID"
        )
    try:
        with pytest.raises(Exception, match="audit_is_full"):
            operator.submit(f"{path}/look", path, why="passenger")
    finally:
        with hub.pool.connection() as connection:
            connection.execute("ALTER TABLE hub.audit DROP CONSTRAINT audit_is_full")


def test_there_is_no_order_to_look_at(operator: Browser, hub: Hub) -> None:
    for path in ("/console/orders/019bb000-0000-7000-8000-000000000000", "/console/messages/99999"):
        assert operator.submit(f"{path}/look", "/console", why="fault").status_code == 404
    assert audited(hub) == []
