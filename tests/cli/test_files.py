"""`interlock file`: an operator finds out which row of which file was refused, and why."""

from __future__ import annotations

import json

from interlock.wiring import Hub
from tests.cli.conftest import Run
from tests.hub.test_files import damaged, sale, shift


def test_a_file_and_its_refused_rows_are_shown(hub: Hub, run: Run) -> None:
    inbox = hub.data_dir / "drop" / "windows"
    inbox.mkdir(parents=True)
    (inbox / "good").write_bytes(shift([sale(901, 1)]))
    (inbox / "mixed").write_bytes(shift([sale(901, 1), damaged(sale(902, 2), "depart", b"02300800")]))
    (inbox / "wrong").write_bytes(shift([sale(903, 3)], broken="office"))
    assert hub.files.take_all("windows") == 3

    listed = json.loads(run("file", "list", "--channel", "windows", "--json").stdout)["files"]
    assert [(f["name"], f["outcome"]) for f in listed] == [
        ("wrong", "refused"),
        ("mixed", "accepted"),
        ("good", "accepted"),
    ]
    places = {f["name"]: str(f["position"]) for f in listed}
    table = run("file", "list", "--outcome", "accepted", "--limit", "1").stdout
    assert "rows_refused" in table
    assert f"Older ones: --before {places['mixed']}" in table

    mixed = run("file", "show", places["mixed"]).stdout
    assert "1 of 2 transactions were refused, the others are taken." in mixed
    assert "transaction 000002" in mixed
    assert "columns 170-177" in mixed
    assert "the records below it are 1106.00" in run("file", "show", places["wrong"]).stdout
    assert "nothing of it was refused" in run("file", "show", places["good"]).stdout
    assert json.loads(run("file", "show", places["good"], "--json").stdout)["messages"] == 1
    assert run("file", "show", "999999").exit_code == 1
