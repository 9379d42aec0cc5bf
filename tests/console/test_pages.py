"""What stands on the pages: the same values as in their JSON twins, in two languages, never a personal number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from interlock.console import live, words
from interlock.wiring import Hub
from tests.console.harness import MOBILE, RESIDENT_ID, SALE, Browser

TEMPLATES = Path(words.__file__).parent / "templates"
PAGES = (
    "/console",
    "/console/orders",
    "/console/messages",
    "/console/messages?outcome=refused",
    "/console/messages?outcome=rejected",
    "/console/messages/1",
    "/console/rejections/1",
    "/console/deadletters",
    "/console/recon",
    "/console/files",
    "/console/logouts",
    "/console/channels",
    "/console/channels/web",
    "/console/cases",
    "/console/connect",
    "/console/books",
    "/console/books?date=2026-01-11&recorded_as_of=2026-01-12T00:00",
    "/console/books/sales",
)


def order_page(browser: Browser, number: str = SALE) -> str:
    found = browser.json("/console/orders", q=number)
    return f"/console/orders/{found.json()['order']['order_id']}"


def test_every_page_in_both_languages(operator: Browser) -> None:
    for language in ("zh", "en"):
        for path in (*PAGES, order_page(operator)):
            page = operator.get(path + ("&" if "?" in path else "?") + f"lang={language}")
            assert page.status_code == 200, path
            assert page.headers["content-language"].startswith(language)
            assert words.say("log_out", language) in page.text
            assert RESIDENT_ID not in page.text
            assert MOBILE not in page.text
        # The choice stays when it is not asked for again.
        assert words.say("log_out", language) in operator.get("/console").text


def test_every_page_has_a_json_twin(operator: Browser) -> None:
    for path in (*PAGES, order_page(operator)):
        head, mark, query = path.partition("?")
        by_name, by_wish = operator.get(f"{head}.json{mark}{query}"), operator.json(path)
        assert by_name.headers["content-type"].startswith("application/json"), path
        assert by_name.json().keys() == by_wish.json().keys()
        assert RESIDENT_ID not in by_name.text
        assert MOBILE not in by_name.text


def test_pages_take_nothing_from_elsewhere_and_run_no_inline_code(operator: Browser) -> None:
    for path in (*PAGES, order_page(operator)):
        page = operator.get(path)
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
        assert not re.search(r"\sstyle=|\son\w+=|<script>|(?:src|href)=\"https?:", page.text)
    for name in ("console.css", "console.js"):
        asset = operator.get(f"/console/static/{name}")
        assert asset.status_code == 200
        assert "http://" not in asset.text
        assert "https://" not in asset.text


def test_the_board_counts_what_came(operator: Browser) -> None:
    view = operator.json("/console").json()
    web = next(c for c in view["channels"] if c["channel"] == "web")
    assert (web["applied"], web["repeated"], web["refused"]) == (3, 1, 1)
    assert sum(web["hours"]) == 4
    assert view["rejections"] == 1
    assert [c["channel"] for c in view["channels"]] == ["web", "app", "phone", "agents", "windows", "osdm"]
    page = operator.get("/console").text
    assert page.count('class="spark"') == 6
    assert "never heard of" in page


def test_an_order_is_found_by_any_reference(operator: Browser) -> None:
    payment = "4200870000010100000000000001"
    for text in (SALE, SALE.lower(), f" {SALE} ", f"{SALE}105012A", payment, f"wechat:payment:{payment}"):
        page = operator.get("/console/orders", q=text)
        assert page.url.path.startswith("/console/orders/"), text
        assert SALE in page.text


def test_what_is_not_known_is_said_with_what_to_do(operator: Browser) -> None:
    for text in ("EW99999999", "x" * 500, "wechat:payment:nothing", "a:b", "%' OR 1=1 --", "\x00"):
        page = operator.get("/console/orders", q=text)
        assert page.status_code == 200
        assert "Nothing is known as" in page.text
        assert "system:kind:value" in page.text


def test_the_timeline_shows_raw_beside_canonical_then_event_and_postings(operator: Browser) -> None:
    path = order_page(operator)
    page = operator.get(path).text
    assert "order.issued" in page
    assert "processor_clearing:wechat" in page
    assert "99***15" in page
    told = operator.json(path).json()
    first = told["timeline"][0]
    assert first["message"]["repeats"] == 1
    assert first["exhibit"]["canonical"]["facts"][0]["fact"] == "ticket.issued"
    assert any("OrderDTODataList" in line["text"] for line in first["exhibit"]["native"])
    assert sum(p["amount"] for p in first["event"]["postings"]) == 0
    assert sum(a["amount"] for a in told["accounts"]) == 0
    assert {"ticket.issued", "payment.captured"} <= {f["fact"] for f in told["facts"]}


def test_losses_are_marked_in_the_native_text(operator: Browser) -> None:
    view = operator.json("/console/messages").json()
    lossy = next(m for m in view["messages"] if m["losses"])
    shown = operator.json(f"/console/messages/{lossy['position']}").json()["exhibit"]
    marked = [line for line in shown["native"] if line["marks"]]
    assert {loss["pointer"] for loss in shown["losses"]} >= {mark for line in marked for mark in line["marks"]}
    assert marked
    assert 'class="marked"' in operator.get(f"/console/messages/{lossy['position']}").text


def test_refused_and_rejected_messages_are_visible_with_place_and_remedy(operator: Browser) -> None:
    refused = operator.get("/console/messages?outcome=refused").text
    assert "amount_invalid" in refused
    assert "/OrderDTODataList/0/tickets/0/ticket_price" in refused
    assert "What to do" in refused
    rejected = operator.get("/console/messages?outcome=rejected").text
    assert "signature_invalid" in rejected
    assert "web-forged" in rejected
    kept = operator.json("/console/rejections/1").json()
    assert "990101199003070015" not in str(kept)
    assert "99***15" in str(kept["exhibit"]["native"])


def test_lists_go_on_by_keyset(operator: Browser, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.console.views.PAGE_ROWS", 1)
    for path, rows in (("/console/messages", "messages"), ("/console/orders", "orders")):
        first = operator.json(path).json()
        second = operator.json(path, before=str(first["older"])).json()
        assert len(first[rows]) == 1
        assert second[rows]
        assert not {str(r) for r in first[rows]} & {str(r) for r in second[rows]}
        assert "before=" in operator.get(path).text


def test_an_order_as_it_was(operator: Browser) -> None:
    view = operator.json("/console/orders").json()
    refunded = next(o for o in view["orders"] if o["refund"] != "none")
    path = f"/console/orders/{refunded['order_id']}"
    assert operator.json(path).json()["order"]["refund"] != "none"
    before = operator.json(path, as_of="2026-01-09T12:00:30+08:00").json()
    assert before["order"]["refund"] == "none"
    assert "This is how it was" in operator.get(path, as_of="2026-01-09T12:00:30").text
    assert operator.get(path, as_of="2020-01-01T00:00:00+08:00").status_code == 404
    assert operator.get(path, as_of="yesterday").status_code == 400


def test_a_page_that_is_not_there_is_a_page_with_what_to_do_next(operator: Browser) -> None:
    for path in (
        "/console/orders/abc",
        "/console/orders/019bb000-0000-7000-8000-000000000000",
        "/console/messages/99999999",
        "/console/messages/9999999999999999999999",
        "/console/messages/-1",
        "/console/rejections/77",
        "/console/recon/breaks/abc",
        "/console/recon/breaks/019bb000-0000-7000-8000-000000000000",
    ):
        page = operator.get(path)
        assert page.status_code == 404, path
        assert "<h1>" in page.text
        assert "Log out" in page.text
        assert operator.json(path).json()["status"] == 404


def test_a_query_that_makes_no_sense_is_answered_in_words(operator: Browser) -> None:
    for path in ("/console/messages?before=x", "/console/recon?date=tomorrow", "/console/deadletters?after=1e9"):
        assert operator.get(path).status_code == 400, path
        assert operator.json(path).json()["code"] == "query_invalid"


def test_the_board_comes_as_server_sent_events(operator: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LIVE_SECONDS", 0.01)
    monkeypatch.setattr(live, "LIVE_TICKS", 3)
    stream = operator.get("/console/live")
    assert stream.headers["content-type"].startswith("text/event-stream")
    events = stream.text.split("\n\n")
    assert events[0] == "retry: 2000"
    assert "channels" in events[1]
    assert events[2] == ": same"


def test_a_database_that_is_away_is_a_page_too(operator: Browser, hub: Hub) -> None:
    hub.pool.close()
    page = operator.get("/console")
    assert page.status_code == 503
    assert operator.json("/console").json()["code"] == "not_ready"


def test_every_word_is_there_in_both_languages() -> None:
    used = {key for path in TEMPLATES.glob("*.html") for key in re.findall(r"say\('(\w+)'\)", path.read_text())}
    assert used <= words.WORDS.keys()
    tables = words._TABLES
    assert sum(map(len, tables)) == len(words.WORDS), "no key stands in two tables"
    assert all(chinese and english for chinese, english in words.WORDS.values())
    assert all(re.search(r"[\u4e00-\u9fff]|^$", chinese) for chinese, _ in words.WORDS.values())
