"""A passkey authenticator in software (Web Authentication Level 3): what a phone's chip does, without the chip."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg import Connection

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def asked_of(page: str) -> str:
    """The options that a page has for the device."""
    found = re.search(r'data-options="([^"]*)"', page)
    assert found, page
    return html.unescape(found[1])


def raw(encoded: str) -> bytes:
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))


@dataclass
class SoftAuthenticator:
    """One device, one passkey. `verifies`: it asks for a finger or a PIN; `counter` may be set back as in a copy."""

    origin: str
    verifies: bool = True
    counter: int = 0
    rp_id: str = ""
    user_handle: bytes = b""
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: str) -> str:
        """`navigator.credentials.create`: the JSON that the page's script puts into the form."""
        asked = json.loads(options)
        self.rp_id, self.user_handle = asked["rp"]["id"], raw(asked["user"]["id"])
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + self._cose()
        statement = {"fmt": "none", "attStmt": {}, "authData": self._data(ATTESTED) + attested}
        return self._said({"attestationObject": cbor2.dumps(statement)}, "webauthn.create", asked["challenge"])

    def get(self, options: str) -> str:
        """`navigator.credentials.get`: the same for a login."""
        asked = json.loads(options)
        self.counter += 1
        data = self._data(0)
        client_data = self._client_data("webauthn.get", asked["challenge"])
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        response = {"authenticatorData": data, "signature": signature, "userHandle": self.user_handle}
        return self._said(response, "webauthn.get", asked["challenge"])

    def _cose(self) -> bytes:
        public = self.key.public_key().public_numbers()
        key = {1: 2, 3: -7, -1: 1, -2: public.x.to_bytes(32, "big"), -3: public.y.to_bytes(32, "big")}
        return bytes(cbor2.dumps(key))

    def belong_to(self, connection: Connection, identity_id: UUID, now: datetime) -> None:
        """Be kept as this person's passkey, as if they had made it on their security page."""
        self.rp_id, self.user_handle = urlsplit(self.origin).hostname or "", identity_id.bytes
        connection.execute(
            """INSERT INTO sso.passkey
                   (credential_id, identity_id, public_key, sign_count, backed_up, label, created_at)
               VALUES (%s, %s, %s, 0, false, 'of the test', %s)""",
            (self.credential_id, identity_id, self._cose(), now),
        )

    def _data(self, flags: int) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.counter.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _said(self, response: dict[str, bytes], kind: str, challenge: str) -> str:
        response = {"clientDataJSON": self._client_data(kind, challenge), **response}
        named = text(self.credential_id)
        values = {name: text(value) for name, value in response.items()}
        return json.dumps({"id": named, "rawId": named, "type": "public-key", "response": values})
