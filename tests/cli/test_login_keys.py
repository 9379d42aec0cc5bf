"""What an operator types about signing keys, logouts that did not arrive, and applications that register themselves."""

from __future__ import annotations

import json

from interlock.wiring import Hub
from tests.cli.conftest import Run


def states(run: Run) -> dict[str, str]:
    keys = json.loads(run("sso", "keys", "list", "--json").stdout)["keys"]
    return {key["kid"]: key["state"] for key in keys if key["algorithm"] == "ES256"}


def test_keys_are_listed_rotated_and_withdrawn(hub: Hub, run: Run) -> None:
    (first,) = states(run)
    waiting = json.loads(run("sso", "keys", "rotate", "ES256", "--json").stdout)["kid"]
    assert states(run) == {first: "signing", waiting: "next"}
    again = json.loads(run("sso", "keys", "rotate", "ES256", "--json").stdout)["kid"]
    assert again == waiting
    assert "withdrawn" in run("sso", "keys", "withdraw", first).stdout
    assert states(run) == {first: "withdrawn", waiting: "signing"}
    assert "unknown" in run("sso", "keys", "withdraw", first).stdout
    table = run("sso", "keys", "list").stdout
    assert waiting in table
    wrong = run("sso", "keys", "rotate", "HS256")
    assert wrong.exit_code == 1
    assert "ES256, RS256" in wrong.output


def test_logouts_that_did_not_arrive_are_listed_and_told_again(hub: Hub, run: Run) -> None:
    assert json.loads(run("sso", "logouts", "list", "--json").stdout) == {"deliveries": []}
    assert "0 will be tried again" in run("sso", "logouts", "retry", "web").stdout


def test_an_initial_access_token_is_shown_once_and_never_for_a_role(hub: Hub, run: Run) -> None:
    made = json.loads(run("sso", "allow-registration", "team", "--scope", "openid", "--uses", "3", "--json").stdout)
    with hub.pool.connection() as connection:
        kept = connection.execute("SELECT token_digest, uses_left FROM sso.initial_access_token").fetchone()
    assert kept is not None
    assert kept[1] == 3
    assert made["initial_access_token"].encode() not in bytes(kept[0])
    refused = run("sso", "allow-registration", "team", "--scope", "operator")
    assert refused.exit_code == 1
    assert "some of openid" in refused.output
