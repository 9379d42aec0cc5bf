"""Celery tasks: wake-ups that drain due rows. Each is four lines, idempotent, and safe to run beside itself."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import cache
from typing import Any

import psycopg
from celery import current_app, shared_task
from psycopg_pool import PoolTimeout

from hub.intake.freed import grant_freed_seats
from hub.intake.holds import expire_holds as expire
from hub.store.pages import turn_some as turn_pages
from interlock.clock import system_clock
from interlock.collector import settle_garbage_collector
from interlock.reconciling import options_of
from interlock.scheduling import scheduler_of
from interlock.settings import Settings
from interlock.spreading import PIECE
from interlock.wiring import Hub, open_hub, phone_sender, sign_on
from reconciliation import digests
from reconciliation.resolution.ageing import escalate
from reconciliation.runs.pieces import take_piece
from reconciliation.runs.worklist import Worklist, process_name
from reconciliation.sources.ledger import follow
from sso.admin import prune
from sso.logout import deliver_logout_tokens as deliver_tokens
from sso.logout import end_overdue, http_send
from sso.pages.words import say
from sso.people.joining import settle as let_go
from sso.people.links import tell_channels
from sso.people.notices import send_due
from sso.pings import deliver_pings as send_pings
from sso.pings import http_send_ping
from sso.provider import Provider

log = logging.getLogger(__name__)

_WAKE = {"ignore_result": True, "autoretry_for": ()}


@cache
def hub() -> Hub:
    """One hub per worker process, opened by the first task that needs it (never before the fork)."""
    opened = open_hub(Settings.load(), "worker")
    settle_garbage_collector()
    return opened


@cache
def provider() -> Provider:
    return sign_on(hub())


def shielded(work: Any) -> Any:
    """Run ``work``; an engine that is away is a line in the log, not a failed task with a traceback."""
    try:
        return work()
    except (psycopg.OperationalError, PoolTimeout) as error:
        log.warning("the database is away, the next wake-up continues: %s", type(error).__name__)
        return None


@shared_task(name="interlock.deliver", **_WAKE)
def deliver() -> None:
    """Wake the drains of those channels that have something to drain."""
    for channel in shielded(lambda: hub().pump.waiting()) or []:
        drain.apply_async([channel], expires=5.0)


@shared_task(name="interlock.drain", **_WAKE)
def drain(channel: str) -> None:
    """Deliver what is due for one channel, and come back while there is more."""
    done = shielded(lambda: hub().pump.drain(channel))
    if done is not None and done.more:
        drain.apply_async([channel])


@shared_task(name="interlock.collect_drops", **_WAKE)
def collect_drops() -> None:
    """Take dropped files of every channel."""
    for channel in hub().channels:
        shielded(lambda name=channel: hub().files.take_all(name))


@shared_task(name="interlock.sweep_drops", **_WAKE)
def sweep_drops() -> None:
    """Delete the plain text of dropped files that were taken long ago."""
    keep = timedelta(days=hub().settings.drop_keep_days)
    for channel in hub().channels:
        hub().files.sweep(channel, system_clock(), keep)


@shared_task(name="interlock.poll_channels", **_WAKE)
def poll_channels() -> None:
    """Ask the channels that have to be asked."""
    for channel in hub().channels:
        shielded(lambda name=channel: hub().poller.poll(name))


@shared_task(name="interlock.expire_holds", **_WAKE)
def expire_holds() -> None:
    """Release seats whose hold is over; what lost its seat and can have it now gets it."""
    shielded(lambda: expire(hub().intake, hub().pool, hub().clock))
    shielded(lambda: grant_freed_seats(hub().intake, hub().pool, hub().clock))


@shared_task(name="interlock.turn_book_pages", **_WAKE)
def turn_book_pages() -> None:
    """Sum up what the event log has grown by, page by page, and come back while there is more."""
    if shielded(lambda: turn_pages(hub().pool)):
        turn_book_pages.apply_async()


@shared_task(name="interlock.deliver_logout_tokens", **_WAKE)
def deliver_logout_tokens() -> None:
    """Tell applications that a login has ended."""
    shielded(
        lambda: deliver_tokens(
            hub().pool, system_clock, http_send, tokens=provider().tokens, options=provider().options
        )
    )


@shared_task(name="interlock.end_overdue_sessions", **_WAKE)
def end_overdue_sessions() -> None:
    """End logins whose time is over, so that applications hear of it."""
    shielded(lambda: end_overdue(hub().pool, system_clock, provider().options, provider().mint))


@shared_task(name="interlock.deliver_notices", **_WAKE)
def deliver_notices() -> None:
    """Tell people by message what happened to their account."""
    sender = phone_sender(hub().settings, hub().data_dir)
    shielded(lambda: send_due(hub().pool, system_clock, provider().cipher, sender, say))


@shared_task(name="interlock.deliver_pings", **_WAKE)
def deliver_pings() -> None:
    """Tell call centres that a caller has decided (CIBA ping)."""
    known = provider()
    shielded(
        lambda: send_pings(
            hub().pool, system_clock, http_send_ping, cipher=known.cipher, options=known.options.approvals
        )
    )


@shared_task(name="interlock.recon_ledger", **_WAKE)
def recon_ledger() -> None:
    """Take over into the rows of the ledger what the event log has grown by, and come back while there is more."""
    done = shielded(lambda: follow(hub().pool))
    if done is not None and done.more:
        recon_ledger.apply_async()


@shared_task(name="interlock.recon_digests", **_WAKE)
def recon_digests() -> None:
    """Digest the last five minutes: what channels told, and what the ledger's rows hold of it."""

    def measured() -> None:
        with hub().pool.connection() as connection:
            digests.measure(connection, hub().clock())

    shielded(measured)


@shared_task(name="interlock.recon_overdue", **_WAKE)
def recon_overdue() -> None:
    """Mark the breaks whose time is over, once each, and say how many in the log."""

    def marked() -> None:
        with hub().pool.connection() as connection:
            found = escalate(connection, hub().clock())
        if found:
            log.warning("reconciliation: %d breaks are overdue now", len(found))

    shielded(marked)


@shared_task(name="interlock.recon_schedule", **_WAKE)
def recon_schedule() -> None:
    """Take the settlement files that came, and reconcile every date that its calendar makes due."""
    if hub().settings.recon_schedule:
        shielded(lambda: scheduler_of(hub(), current_app).round(most_dates=10))


@shared_task(name=PIECE, **_WAKE)
def recon_piece(run_id: str) -> None:
    """Match one piece of a run, whichever is free; its result is a file and a row."""
    worklist = Worklist(hub().pool, process_name())
    shielded(lambda: take_piece(worklist, options_of(hub()), run_id, hub().clock))


@shared_task(name="interlock.prune_logins", **_WAKE)
def prune_logins() -> None:
    """Remove what strangers can cause to be written and nobody needs any more: stale forms, codes, used tokens."""
    shielded(lambda: prune(provider()))


@shared_task(name="interlock.settle_accounts", **_WAKE)
def settle_accounts() -> None:
    """Tell channels what became of their old accounts; let go of what can no longer be undone."""
    known = provider()

    def settled() -> None:
        tell_channels(known.pool, system_clock, known.cipher, known.registers.channels)
        with known.pool.connection() as connection:
            let_go(connection, system_clock())

    shielded(settled)
