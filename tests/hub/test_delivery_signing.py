"""Signatures of both kinds, and rotation without a gap: both secrets during the overlap, one after it."""

import base64
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from hub.delivery import sign, signing, verify
from hub.store import channels
from interlock.clock import SetClock
from interlock.database import Pool
from tests.hub.inbox import Inbox, open_inbox
from tests.hub.railway import SECRET, Railway, connect, open_railway
from tests.hub.telling import QUICK, drain, sell

BODY = json.dumps({"order": "EW00000001", "名": "乘客"}, ensure_ascii=False).encode()
OTHER = signing.shared_secret(b"o" * 32)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def railway(pool: Pool, clock: SetClock) -> Railway:
    return open_railway(pool, clock, QUICK)


@pytest.fixture
def inbox(railway: Railway) -> Iterator[Inbox]:
    with open_inbox() as opened:
        connect(railway, "south", opened.url)
        yield opened


def independent(public: str, headers: dict[str, str], body: bytes) -> bool:
    """v1a as the specification says, without our code: Ed25519 over id.timestamp.body."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    for part in headers["webhook-signature"].split(" "):
        version, _, value = part.partition(",")
        if version == "v1a":
            try:
                key.verify(base64.b64decode(value), signed)
            except InvalidSignature:
                continue
            return True
    return False


def test_v1_is_what_the_reference_library_checks() -> None:
    headers = sign([SECRET], "m-1", datetime.now(UTC), BODY)
    assert Webhook(SECRET).verify(BODY, headers)["order"] == "EW00000001"
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY + b" ", headers)


def test_v1a_is_checked_by_the_public_half_alone() -> None:
    secret = signing.private_key(b"s" * 32)
    public = signing.public_key(secret)
    headers = sign([secret], "m-1", NOW, BODY)
    assert headers["webhook-signature"].startswith("v1a,")
    assert independent(public, headers, BODY)
    assert not independent(public, headers, BODY + b" ")
    parts = (headers["webhook-timestamp"], headers["webhook-signature"])
    assert verify([public], "m-1", *parts, BODY, NOW)
    assert not verify([public], "m-2", *parts, BODY, NOW)
    assert not verify([signing.public_key(signing.private_key(b"x" * 32))], "m-1", *parts, BODY, NOW)
    assert not verify([secret], "m-1", *parts, BODY, NOW), "our private key verifies nobody"


def test_a_key_with_its_public_half_behind_it_is_the_same_key() -> None:
    seed = b"s" * 32
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    assert signing.public_key(signing.private_key(seed + public)) == signing.public_key(signing.private_key(seed))


def test_several_signatures_while_rotating() -> None:
    key = signing.private_key(b"s" * 32)
    headers = sign([SECRET, OTHER, key], "m-1", datetime.now(UTC), BODY)
    assert [part.partition(",")[0] for part in headers["webhook-signature"].split(" ")] == ["v1", "v1", "v1a"]
    assert Webhook(SECRET).verify(BODY, headers)
    assert Webhook(OTHER).verify(BODY, headers)
    assert independent(signing.public_key(key), headers, BODY)


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("whsec_" + base64.b64encode(b"short").decode(), "24 to 64 bytes"),
        ("whsec_no base64", "whsec_ and base64"),
        ("whsk_" + base64.b64encode(b"s" * 31).decode(), "32 bytes"),
        ("whpk_" + base64.b64encode(b"s" * 33).decode(), "32 bytes"),
    ],
)
def test_a_secret_that_cannot_be_used_is_refused_with_a_sentence(secret: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        signing.check(secret)


@pytest.mark.parametrize("timestamp", ["", "x", "-5", "²", "99999999999999999999"])
def test_an_absurd_timestamp_is_no_signature(timestamp: str) -> None:
    assert not verify([SECRET], "m-1", timestamp, "v1,AAAA", BODY, NOW)


def test_during_the_overlap_both_secrets_sign_and_verify_and_then_the_old_one_is_gone(
    railway: Railway, inbox: Inbox
) -> None:
    now = datetime.now(UTC)
    with railway.pool.connection() as connection:
        assert channels.rotate(connection, "south", OTHER, railway.seal, now, timedelta(hours=1))
        channel = channels.find(connection, "south")
        assert channel is not None
        assert channels.good_secrets(channel, railway.seal, now) == [OTHER, SECRET]
        assert channels.good_secrets(channel, railway.seal, now + timedelta(hours=2)) == [OTHER]
        assert not any(
            SECRET in str(value) or OTHER in str(value) for value in (channel.secrets, channel.former_secrets)
        )
    sell(railway, 1)
    drain(railway)
    assert inbox.unsigned == []
    assert Webhook(SECRET).verify(inbox.attempts[0], inbox.requests[0], json_parse=False) is None
    assert Webhook(OTHER).verify(inbox.attempts[0], inbox.requests[0], json_parse=False) is None
    with railway.pool.connection() as connection:
        connection.execute(
            """UPDATE hub.channels SET former_secrets =
               jsonb_set(former_secrets, '{0,until}', '"2026-01-01T00:00:00+00:00"')"""
        )
    sell(railway, 2)
    drain(railway)
    assert len(inbox.requests[1]["webhook-signature"].split(" ")) == 1
    assert len(inbox.unsigned) == 1, "the inbox knows only the old secret, which signs no more"
    with railway.pool.connection() as connection:
        channel = channels.find(connection, "south")
    assert channel is not None
    assert channel.former_secrets == [], "what has faded out is dropped"


def test_rotating_again_and_to_the_same_secret(railway: Railway, inbox: Inbox) -> None:
    now = datetime.now(UTC)
    third = signing.shared_secret(os.urandom(32))

    def good() -> list[str]:
        channel = channels.find(connection, "south")
        assert channel is not None
        return channels.good_secrets(channel, railway.seal, now)

    with railway.pool.connection() as connection:
        for secret in (OTHER, OTHER, third):
            channels.rotate(connection, "south", secret, railway.seal, now, timedelta(hours=1))
        assert good() == [third, OTHER, SECRET]
        channels.rotate(connection, "south", SECRET, railway.seal, now, timedelta(0))
        assert good() == [SECRET, OTHER], "without an overlap the one before is gone at once"
        own = signing.public_key(signing.private_key(b"c" * 32))
        channels.rotate(connection, "south", own, railway.seal, now, timedelta(0))
        assert good() == [own, SECRET, OTHER], "the channel's own key does not replace the one that signs"
        assert not channels.rotate(connection, "nobody", OTHER, railway.seal, now, timedelta(0))


def test_a_channel_that_chose_a_key_pair_is_signed_to_with_it(railway: Railway, inbox: Inbox) -> None:
    secret = signing.private_key(os.urandom(32))
    inbox.secrets = [signing.public_key(secret)]
    with railway.pool.connection() as connection:
        channels.rotate(connection, "south", secret, railway.seal, datetime.now(UTC), timedelta(0))
    sell(railway, 1)
    drain(railway)
    assert (len(inbox.received), inbox.unsigned) == (1, [])
    assert independent(inbox.secrets[0], inbox.requests[0], inbox.attempts[0].encode())
