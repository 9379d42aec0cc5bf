"""Settings: read from the environment in one place; secrets never shown; every one described."""

from __future__ import annotations

import base64
from pathlib import Path

import pydantic
import pytest

from interlock.settings import MASK, Settings, encode_keys
from interlock.wiring import phone_sender
from sso.people.gateway import HttpSender
from sso.ports import OutboxSender


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only the data directory is set."""
    for name, _value, _description in Settings().described():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("INTERLOCK_DATA_DIR", str(tmp_path))


def test_defaults_are_the_embedded_engines_on_this_machine() -> None:
    settings = Settings.load()
    assert (settings.database_url, settings.redis_url, settings.port) == (None, None, 8400)
    assert settings.allow_private_callbacks is False


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_DATABASE_URL", "")
    assert Settings.load().database_url is None


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_PORT", "none")
    with pytest.raises(pydantic.ValidationError, match="port"):
        Settings.load()


def test_secrets_are_masked_wherever_settings_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_DATABASE_URL", "postgresql://interlock:hunter2@db/interlock")
    settings = Settings.load()
    assert ("INTERLOCK_DATABASE_URL", MASK) in [(name, value) for name, value, _ in settings.described()]
    assert "hunter2" not in repr(settings) + str(settings.described())
    assert repr(settings.keys()) == f"Keys({MASK})"


def test_every_setting_has_a_description() -> None:
    assert [name for name, _value, description in Settings.load().described() if not description] == []


def test_keys_are_made_once_differ_and_are_private(tmp_path: Path) -> None:
    keys = Settings.load().keys()
    assert keys == Settings.load().keys()
    assert len({keys.field, keys.blind_index, keys.audit}) == 3
    assert {len(key) for key in (keys.field, keys.blind_index, keys.audit)} == {32}
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}


def test_a_configured_key_is_used_and_not_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INTERLOCK_FIELD_KEY", base64.urlsafe_b64encode(bytes(range(32))).decode())
    assert Settings.load().keys().field == bytes(range(32))
    assert not (tmp_path / "keys" / "field").exists()


def test_several_field_keys_the_newest_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old, new = bytes(range(32)), bytes(range(1, 33))
    monkeypatch.setenv("INTERLOCK_FIELD_KEY", encode_keys([new, old]).replace("\n", ", "))
    assert (Settings.load().keys().field, Settings.load().keys().former) == (new, (old,))
    monkeypatch.delenv("INTERLOCK_FIELD_KEY")
    made = Settings.load().keys().field
    (tmp_path / "keys" / "field").write_text(encode_keys([new, made]))
    assert Settings.load().field_keys() == (new, made)
    (tmp_path / "keys" / "field").unlink()
    with pytest.raises(FileNotFoundError):
        Settings.load().field_keys()


@pytest.mark.parametrize("text", ["short", "?" * 43, base64.urlsafe_b64encode(b"x" * 16).decode()])
def test_a_key_that_is_no_key_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("INTERLOCK_AUDIT_KEY", text)
    with pytest.raises(pydantic.ValidationError, match="audit_key"):
        Settings.load()


def test_messages_go_to_a_file_or_to_a_gateway_with_its_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert isinstance(phone_sender(Settings.load(), tmp_path), OutboxSender)
    monkeypatch.setenv("INTERLOCK_PHONE_GATEWAY_URL", "https://sms.gateway.test/v1/messages")
    with pytest.raises(pydantic.ValidationError, match="belong together"):
        Settings.load()
    monkeypatch.setenv("INTERLOCK_PHONE_GATEWAY_SECRET", "c2l4dGVlbi1yYW5kb20tYnl0ZXMtb3ItbW9yZQ==")
    settings = Settings.load()
    assert isinstance(phone_sender(settings, tmp_path), HttpSender)
    assert ("INTERLOCK_PHONE_GATEWAY_SECRET", MASK) in [(name, value) for name, value, _ in settings.described()]


def test_passwords_are_never_hashed_more_cheaply_than_owasp_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_ARGON2_MEMORY_KIB", "8192")
    with pytest.raises(pydantic.ValidationError, match="argon2_memory_kib"):
        Settings.load()
