"""`interlock sso register-client` for clients that have no browser."""

from __future__ import annotations

import json
from pathlib import Path

from joserfc.jwk import ECKey

from interlock.wiring import Hub
from sso import clients
from sso.clients import Client
from sso.grants import CibaGrant, DeviceGrant
from tests.cli.conftest import Run

NAMES = ("--name-zh", "名", "--name-en", "Name", "--scope", "openid", "--json")


def registered(hub: Hub, client_id: str) -> Client:
    with hub.pool.connection() as connection:
        found = clients.load(connection, client_id)
    assert found
    return found


def test_windows_and_call_centres(hub: Hub, run: Run, tmp_path: Path) -> None:
    key_set = tmp_path / "keys.json"
    key_set.write_text(json.dumps({"keys": [ECKey.generate_key("P-256").as_dict(private=False)]}))
    window = run("sso", "register-client", "windows", *NAMES, "--device", "--key-set", str(key_set))
    assert json.loads(window.output) == {"client_id": "windows"}
    found = registered(hub, "windows")
    assert (found.auth_methods, found.grant_types) == (["private_key_jwt"], [DeviceGrant.GRANT_TYPE, "refresh_token"])
    calls = run("sso", "register-client", "calls", *NAMES, "--ping", "https://calls.interlock.test/told")
    assert len(json.loads(calls.output)["secret"]) == 43
    found = registered(hub, "calls")
    assert (found.ciba_mode, found.notification_uri) == ("ping", "https://calls.interlock.test/told")
    assert found.grant_types == [CibaGrant.GRANT_TYPE, "refresh_token"]
    kiosk = run("sso", "register-client", "kiosk", *NAMES, "--device")
    assert json.loads(kiosk.output) == {"client_id": "kiosk"}
    assert registered(hub, "kiosk").auth_methods == ["none"]
    refused = run("sso", "register-client", "plain", *NAMES, "--ping", "http://calls.interlock.test/told")
    assert refused.exit_code != 0
    assert "use https" in refused.output
