"""The composition root: every room gets the few values and ports it needs, and nothing else.

Hub             pool, adapters, intake, pump, file drop, poller: what every process of ours works with
sign_on(...)    the OpenID Connect provider over the same database
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import uuid_utils
from psycopg import Connection
from psycopg.rows import TupleRow

from adapters.kit.registry import registered
from hub.api import Principal
from hub.api.access import StepUp
from hub.api.services import Acted
from hub.delivery import Pump, PumpOptions
from hub.delivery.trial import TrialOptions
from hub.intake import Intake
from hub.intake.files import FileDrop
from hub.intake.own_voice import OwnVoice
from hub.intake.polls import Poller
from hub.ledger import HUB
from hub.ports import Adapter
from hub.store.audit import Audit
from hub.store.channels import CodeTables
from hub.store.channels import every as every_channel
from hub.store.persons import subject_index
from hub.store.seal import Seal
from interlock.clock import Clock, open_clock, system_clock
from interlock.connections import own_connections, wanted
from interlock.database import Pool, open_pool
from interlock.sealing import open_seal
from interlock.settings import Settings, revealed
from interlock.voices import Voices
from schemas.codes import code_list
from schemas.identifiers import resident_id
from schemas.problems import ProblemError, problem
from sso import Argon2Options, Provider, SsoOptions, TokenRefused, VerifiedToken, agents
from sso.people.account_service import AccountService
from sso.people.assurance import MULTI_FACTOR
from sso.people.documents import DOCUMENT_RULES
from sso.people.gateway import HttpSender
from sso.people.links import known_as
from sso.people.registers import Channel, Registers
from sso.ports import OutboxSender, SystemMinter
from sso.signed_post import ServiceOptions, SignedPost

RECONCILIATION = "reconciliation"

ROLE_SCOPES: Mapping[str, frozenset[str]] = {
    "operator": frozenset({"hub:operate", "hub:orders", "hub:personal"}),
    "finance": frozenset({"hub:finance", "hub:orders"}),
    "auditor": frozenset({"hub:audit", "hub:orders"}),
    "admin": frozenset({"hub:operate", "hub:finance", "hub:audit", "hub:orders", "hub:personal", "hub:erase"}),
}
"""What a staff role may do at the hub. A person without a role keeps only the scopes of the token."""


def new_id() -> uuid.UUID:
    """A UUIDv7: ids of one moment stand together in an index."""
    return uuid.UUID(bytes=uuid_utils.uuid7().bytes)


def voices(connection: Connection[TupleRow]) -> dict[str, Adapter]:
    """Every channel's adapter, those of connections with code tables of their own, and the two voices of our own."""
    channels: dict[str, Adapter] = {name: item.adapter for name, item in registered().items()}
    return (
        channels
        | own_connections(channels, every_channel(connection))
        | {
            HUB: OwnVoice(HUB, "枢纽", "the hub's clockwork"),
            RECONCILIATION: OwnVoice(RECONCILIATION, "对账", "reconciliation"),
        }
    )


def connect(name: str, adapter: str | None, codes: Sequence[str]) -> tuple[str | None, CodeTables | None]:
    """What of a new connection is stored, by the adapters that are installed here; raises ``ConnectionInvalid``."""
    return wanted(name, adapter, codes, {channel: item.adapter for channel, item in registered().items()})


@dataclass(frozen=True)
class Hub:
    """The engine, wired. ``clock`` is the business clock; deliveries and signatures go by the wall clock."""

    settings: Settings
    pool: Pool
    adapters: Voices
    seal: Seal
    audit: Audit
    intake: Intake
    pump: Pump
    files: FileDrop
    poller: Poller
    clock: Clock
    data_dir: Path

    @property
    def channels(self) -> list[str]:
        """The names of real channels, without our own voices."""
        return [name for name in self.adapters if name not in {HUB, RECONCILIATION}]

    def close(self) -> None:
        self.pool.close()


def open_hub(settings: Settings, process: str, wake: Callable[[], None] = lambda: None) -> Hub:
    """The engine for one process, named ``process`` in the database's activity; ``wake`` hints that there is news."""
    data_dir = settings.data_dir.resolve()
    keys = settings.keys()
    pool = open_pool(
        settings.engines().database_url,
        f"interlock-{process}",
        1,
        settings.database_connections,
        settings.database_wait_seconds,
        # Somebody waits for an API's answer; what a worker or the command line does may take its time.
        settings.database_statement_seconds if process == "api" else None,
    )
    clock = open_clock(settings.clock_file)
    adapters = Voices(lambda: _voices_of(pool))
    seal = open_seal(settings)
    audit = Audit(keys.audit)
    intake = Intake(pool, adapters, seal, new_id, wake)
    return Hub(
        settings=settings,
        pool=pool,
        adapters=adapters,
        seal=seal,
        audit=audit,
        intake=intake,
        pump=Pump(pool, adapters, seal, system_clock, audit, pump_options(settings)),
        files=FileDrop(data_dir / "drop", intake, pool, adapters, clock),
        poller=Poller(intake, pool, adapters, clock),
        clock=clock,
        data_dir=data_dir,
    )


def _voices_of(pool: Pool) -> Mapping[str, Adapter]:
    with pool.connection() as connection:
        return voices(connection)


def pump_options(settings: Settings) -> PumpOptions:
    """How deliveries go out of this installation."""
    return PumpOptions(allow_private=settings.allow_private_callbacks, public_url=settings.public_url)


def trial_options(settings: Settings) -> TrialOptions:
    """How test messages go out: where deliveries may."""
    return TrialOptions(settings.public_url, settings.allow_private_callbacks)


def sign_on(hub: Hub) -> Provider:
    """The provider. It goes by the wall clock: a token's minutes are a browser's minutes."""
    issuer = f"{hub.settings.public_url}/sso"
    settings = hub.settings
    options = SsoOptions(
        issuer=issuer,
        hub_audience=audience(settings),
        secure_cookies=issuer.startswith("https:"),
        order_url=f"{hub.settings.public_url}/me/orders/{{order_id}}",
        argon2=Argon2Options(settings.argon2_memory_kib, settings.argon2_passes, settings.argon2_lanes),
    )
    sender = phone_sender(settings, hub.data_dir)
    return Provider.assemble(options, hub.pool, system_clock, hub.seal, sender, registers=registers(settings))


def step_up(settings: Settings) -> StepUp | None:
    """What approvals, withdrawals and erasures ask of the login behind them."""
    return StepUp(MULTI_FACTOR, timedelta(minutes=settings.step_up_minutes)) if settings.step_up_minutes else None


def phone_sender(settings: Settings, data_dir: Path) -> OutboxSender | HttpSender:
    """How codes and notices reach phones: through the gateway that is configured, else into a file."""
    url, secret = settings.phone_gateway_url, revealed(settings.phone_gateway_secret)
    if url is None or secret is None:
        return OutboxSender(data_dir / "outbox" / "codes.jsonl")
    service = ServiceOptions(url, secret, settings.phone_gateway_seconds)
    return HttpSender(SignedPost(service, system_clock, SystemMinter()))


def registers(settings: Settings) -> Registers:
    """Who is asked about people: the contract's rule for resident ids, the channels that have old accounts."""
    names, channels = code_list("sales_channel"), dict[str, Channel]()
    for name, service in settings.account_services.items():
        options = ServiceOptions(str(service.url), service.secret.get_secret_value(), service.seconds)
        asked = AccountService(SignedPost(options, system_clock, SystemMinter()))
        channels[name] = Channel(
            names.label(name, "zh"),
            names.label(name),
            asked,
            password=asked if "password" in service.proofs else None,
            code=asked if "code" in service.proofs else None,
        )
    return Registers(documents={**DOCUMENT_RULES, "resident_id": resident_id.validate}, channels=channels)


def audience(settings: Settings) -> str:
    """What tokens for the hub's API name as their resource (RFC 8707)."""
    return f"{settings.public_url}/v1"


def deeds(provider: Provider) -> Acted:
    """Writes down what agents did for people, where the people read it. What cannot be written is not answered."""

    def acted(caller: Principal, what: str, order_id: uuid.UUID | None) -> None:
        if not caller.actors or caller.client is None:
            return
        person, about = uuid.UUID(caller.subject), str(order_id) if order_id else None
        with provider.pool.connection() as connection:
            agents.record(
                connection,
                provider.clock(),
                identity_id=person,
                client_id=caller.client,
                actors=caller.actors,
                what=what,
                about=about,
            )

    return acted


class Tokens:
    """A bearer token's principal, by our own provider; a logout takes effect at once.

    A channel system's token is used for thousands of messages: its verdict is kept for a few seconds, bounded by the
    token's own expiry, so that a message costs no look-up of its own.
    """

    KEPT_SECONDS = 5.0

    def __init__(self, provider: Provider, seal: Seal, settings: Settings) -> None:
        self._provider = provider
        self._seal = seal
        self._verifier = provider.verifier(audience(settings), check_liveness=True)
        self._kept: dict[str, tuple[float, Principal]] = {}

    def remembers(self, token: str) -> bool:
        """Whether this token's verdict is kept, so that a call looks nothing up."""
        kept = self._kept.get(token)
        return kept is not None and time.monotonic() < kept[0]

    def __call__(self, token: str) -> Principal:
        kept = self._kept.get(token)
        if kept is not None and time.monotonic() < kept[0]:
            return kept[1]
        verified = self._verified(token, None)
        principal = self._principal(verified)
        if principal.channel is not None:
            if len(self._kept) > 1000:
                self._kept.clear()
            left = verified.expires_at - system_clock().timestamp()
            self._kept[token] = (time.monotonic() + min(self.KEPT_SECONDS, left), principal)
        return principal

    def bound(self, token: str, key: str) -> Principal:
        """The same for a token that is bound to ``key``, which the caller has proven to hold; never kept."""
        return self._principal(self._verified(token, key))

    def _verified(self, token: str, key: str | None) -> VerifiedToken:
        try:
            return self._verifier.verify(token, jkt=key)
        except TokenRefused as refusal:
            raise ProblemError(problem("unauthenticated", f"{refusal.code}: {refusal}.")) from refusal

    def _principal(self, token: VerifiedToken) -> Principal:
        scopes = token.scopes.union(*(ROLE_SCOPES.get(role, frozenset()) for role in token.roles))
        person = token.session_id is not None and not token.roles
        phone, document = self._known_as(token.subject) if person else (None, None)
        return Principal(
            subject=token.subject,
            scopes=scopes,
            channel=token.channel,
            person=person,
            phone=phone,
            staff=bool(token.roles),
            client=token.client_id,
            actors=token.actors,
            acr=token.acr,
            auth_time=token.auth_time,
            document=document,
        )

    def _known_as(self, subject: str) -> tuple[str | None, str | None]:
        """The indexes of the person's proven phone and confirmed document, as the ledger's passengers carry them."""
        with self._provider.pool.connection() as connection:
            known = known_as(connection, self._provider.cipher, uuid.UUID(subject))
        return (
            self._seal.blind(known.phone) if known.phone else None,
            subject_index(self._seal, *known.document) if known.document else None,
        )
