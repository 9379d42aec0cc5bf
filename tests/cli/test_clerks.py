"""`interlock sso`: an agents' company and the people who work there."""

from __future__ import annotations

import json

from interlock.wiring import Hub, sign_on
from sso import clients
from tests.cli.conftest import Run

COMPANY = (
    "sso", "register-client", "liancheng", "--name-zh", "联程代售点", "--name-en", "Liancheng Travel",
    "--scope", "openid", "--scope", "hub:orders", "--redirect-uri", "https://liancheng.example/callback", "--acts",
)  # fmt: skip
RESOURCE = "https://liancheng.example/api"
PASSWORD = "not-a-passengers-password"


def test_a_company_that_acts_is_registered_and_its_clerks_come_and_go(hub: Hub, run: Run) -> None:
    assert "a resource of its own" in run(*COMPANY).stderr
    made = json.loads(run(*COMPANY, "--resource", RESOURCE, "--json").stdout)
    assert len(made["secret"]) >= 32
    with hub.pool.connection() as connection:
        client = clients.load(connection, "liancheng")
    assert client is not None
    assert (client.may_act, client.consent, client.resource, client.audiences) == (
        True,
        "explicit",
        RESOURCE,
        [RESOURCE],
    )
    run("sso", "create-staff", "wangfang", "--name", "王芳", "--password", PASSWORD)
    assert "nobody has that login" in run("sso", "clerks", "employ", "liancheng", "zhaolei").stderr
    assert "may act for liancheng" in run("sso", "clerks", "employ", "liancheng", "wangfang").stdout
    assert json.loads(run("sso", "clerks", "dismiss", "liancheng", "wangfang", "--json").stdout) == {"dismissed": True}
    assert "did not work there" in run("sso", "clerks", "dismiss", "liancheng", "wangfang").stdout
    assert "not an agents' company" in run("sso", "clerks", "employ", "web", "wangfang").stderr
    assert sign_on(hub).options.order_url == f"{hub.settings.public_url}/me/orders/{{order_id}}"
