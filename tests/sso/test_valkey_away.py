"""Valkey holds nothing of a login: emptied at the worst moment, nobody is logged in or out by it."""

from __future__ import annotations

import ast
from pathlib import Path

import redis

import sso
from sso.logout import Drained
from tests.sso.harness import PASSWORD, STAFF_PASSWORD, Site, answer


def test_an_emptied_valkey_logs_nobody_in_or_out(site: Site, valkey_url: str) -> None:
    here, gone = site.browser(), site.browser()
    tokens, old = here.tokens("web"), gone.tokens("app")
    gone.submit(gone.get("/signed-in"))
    waiting = site.browser()
    page = waiting.follow(waiting.authorize("app"))
    guessing = site.browser()
    form = guessing.get("/login")
    for _ in range(site.provider.options.lockout_failures):
        guessing.submit(form, login="operator", password="wrong")

    with redis.Redis.from_url(valkey_url) as valkey:
        valkey.flushdb()

    assert guessing.submit(form, login="operator", password=STAFF_PASSWORD).status_code == 429
    assert answer(here.authorize("web", prompt="none"))["code"]
    assert here.refresh("web", tokens["refresh_token"]).status_code == 200
    assert gone.refresh("app", old["refresh_token"]).json()["error"] == "invalid_grant"
    assert answer(gone.authorize("app", prompt="none"))["error"] == "login_required"
    assert answer(waiting.follow(waiting.submit(page, login="liwei", password=PASSWORD)))["code"]
    assert site.deliver_logouts() == Drained(delivered=1, waiting=0, given_up=0)


def test_the_provider_does_not_know_valkey() -> None:
    for path in Path(sso.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
                assert not any(name.split(".")[0] in ("redis", "celery") for name in names), path
