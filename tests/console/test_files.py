"""The page of dropped files: a refused row is named with its place, the reason and what to do."""

from __future__ import annotations

from interlock.wiring import Hub
from tests.console.harness import Browser
from tests.hub.test_files import damaged, sale, shift


def test_refused_rows_of_an_accepted_file_are_visible(operator: Browser, hub: Hub) -> None:
    inbox = hub.data_dir / "drop" / "windows"
    inbox.mkdir(parents=True)
    (inbox / "mixed").write_bytes(shift([sale(901, 1), damaged(sale(902, 2), "depart", b"02300800")]))
    assert hub.files.take_all("windows") == 1
    page = operator.get("/console/files").text
    for words in (
        "rows_refused",
        "1 of 2 transactions were refused",
        "transaction 000002",
        "columns 170-177",
        "MMDDhhmm",
    ):
        assert words in page
    assert "running numbers" in page  # the remedy
    twin = operator.json("/console/files").json()["files"][0]
    assert (twin["name"], twin["outcome"], twin["messages"]) == ("mixed", "accepted", 2)
    refused = operator.get("/console/messages?outcome=refused&channel=windows").text
    assert "VNP01-07-2-20260109-000002" in refused
