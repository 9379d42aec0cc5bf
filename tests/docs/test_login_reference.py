"""The page about the login names every address, option, class, scope and table that there is, and no other table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from interlock.database import Pool
from interlock.wiring import sign_on
from sso.api import rows
from sso.options import SsoOptions
from sso.people.assurance import CLASSES
from sso.provider import SCOPES_SUPPORTED
from tests.console.harness import open_test_hub
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs/reference/sso.md").read_text(encoding="utf-8")
# A page's forms are sent to addresses below its own, and where a login goes on is nobody's to call.
BELOW = re.compile(
    r"^/(login|register|recover|account/\w[\w-]*|window/\w[\w-]*|device|links/undo|consent)(/[\w/-]+)$"
    r"|^/(logout/confirmed|authorize/resume)$|^/$"
)


@pytest.fixture
def addresses(pool: Pool, database_url: str, valkey_url: str, tmp_path: Path) -> Iterator[set[str]]:
    hub = open_test_hub(tmp_path, database_url, valkey_url)
    yield {row.path for row in rows(sign_on(hub))}
    hub.close()


def test_every_address_is_on_the_page(addresses: set[str]) -> None:
    missing = {path for path in addresses if not BELOW.match(path) and path not in PAGE}
    assert missing == set()


def test_every_option_is_on_the_page() -> None:
    assert {field.name for field in fields(SsoOptions) if f"`{field.name}`" not in PAGE} == set()


def test_every_scope_and_class_is_on_the_page() -> None:
    assert {scope for scope in SCOPES_SUPPORTED if f"`{scope}`" not in PAGE} == set()
    assert {acr for acr in CLASSES if f"`{acr.rpartition(':')[2]}`" not in PAGE} == set()


def test_every_table_is_on_the_page_and_no_other(pool: Pool) -> None:
    with pool.connection() as connection:
        found = connection.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'sso'")
        tables = {name for (name,) in found}
    section = PAGE.partition("## Tables")[2].partition("`sso.admin")[0]
    named = set(re.findall(r"`([a-z_]+)`", section)) - {"sso", "parent_id"}
    assert named == tables
