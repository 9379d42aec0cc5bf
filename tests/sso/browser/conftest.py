"""Headless Chromium, from Debian's packages, at the provider as it is served."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from interlock.clock import SetClock
from interlock.database import Pool
from sso.options import Argon2Options
from tests.conformance.control import need
from tests.sso.browser.visit import Visitors
from tests.sso.harness import Listener, Receiver, Site, running

# Chromium on its own would look for updates, hosts and a sandbox that a machine of tests has not.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser process for the tests of a module."""
    found = os.environ.get("INTERLOCK_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    need(None if found else "Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=QUIET, chromium_sandbox=False)
        yield browser
        browser.close()


@pytest.fixture
def site(
    listener: Listener, pool: Pool, clock: SetClock, receivers: dict[str, Receiver], argon2_options: Argon2Options
) -> Iterator[Site]:
    """A provider with the demo's clients and people, listening under a name that passkeys can belong to."""
    with running(listener, pool, clock, receivers, argon2_options, host="localhost") as started:
        yield started


@pytest.fixture
def visitor(chromium: Browser, site: Site, request: pytest.FixtureRequest) -> Iterator[Visitors]:
    """Call it for a person at a browser: `visitor("phone", "zh-CN")`."""
    folder = request.config.getoption("--screenshots")
    visitors = Visitors(chromium, site, Path(folder) if folder else None)
    yield visitors
    assert visitors.close() == []
