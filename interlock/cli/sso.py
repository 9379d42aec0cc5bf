"""`interlock sso ...`: clients, people, sessions, keys and logout deliveries of the provider."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from interlock.cli.printing import AsJson, fail, print_json, print_table
from interlock.settings import Settings

if TYPE_CHECKING:
    from sso import Provider

app = typer.Typer(name="sso", help="The login provider: clients, people, sessions, keys.", no_args_is_help=True)

Login = Annotated[str, typer.Argument(help="Login name or phone number.")]
Password = Annotated[
    str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, help="Asked for if absent.")
]


@contextmanager
def provider() -> Iterator[Provider]:
    """The provider of this installation; a rule that was broken ends the command with its sentence."""
    from interlock.wiring import open_hub, sign_on
    from sso.people.identities import IdentityTaken

    hub = open_hub(Settings.load(), "cli")
    try:
        yield sign_on(hub)
    except IdentityTaken:
        fail("that login name or phone number is taken", "Choose another, or use `interlock sso set-password`.")
    except ValueError as error:
        fail(str(error), "`interlock sso VERB --help` names the rules.")
    finally:
        hub.close()


@app.command("register-client")
def register_client(
    client_id: Annotated[str, typer.Argument(help="Letters, digits and hyphens.")],
    scope: Annotated[list[str], typer.Option(help="Once per scope.")],
    name_zh: Annotated[str, typer.Option(help="The name people read, in Chinese.")],
    name_en: Annotated[str, typer.Option(help="The name people read, in English.")],
    redirect_uri: Annotated[list[str] | None, typer.Option(help="Once per URI; none: it cannot log people in.")] = None,
    post_logout_redirect_uri: Annotated[list[str] | None, typer.Option(help="Once per URI.")] = None,
    backchannel_logout_uri: Annotated[str | None, typer.Option(help="Where logout tokens go.")] = None,
    channel: Annotated[str | None, typer.Option(help="The channel that this system speaks for.")] = None,
    confidential: Annotated[bool, typer.Option(help="Make a secret and print it, once.")] = False,
    as_json: AsJson = False,
) -> None:
    """Register a client, or replace its registration."""
    from sso.admin import Registration
    from sso.admin import register_client as register

    secret = secrets.token_urlsafe(32) if confidential or channel else None
    with provider() as wired:
        register(
            wired,
            Registration(
                client_id,
                name_zh,
                name_en,
                scope,
                secret,
                redirect_uri or (),
                post_logout_redirect_uri or (),
                backchannel_logout_uri,
                client_credentials=channel is not None,
                channel=channel,
            ),
        )
    if as_json:
        print_json({"client_id": client_id} | ({"secret": secret} if secret else {}))
    else:
        typer.echo(f"{client_id} is registered" + (f"\nIts secret, shown this once: {secret}" if secret else ""))


@app.command("create-staff")
def create_staff(
    login_name: Annotated[str, typer.Argument(help="A letter, then 2 to 39 of a-z 0-9 . _ -")],
    name: Annotated[str, typer.Option(help="The name people read.")],
    role: Annotated[list[str], typer.Option(help="operator, finance, auditor or admin; once per role.")],
    password: Password,
    as_json: AsJson = False,
) -> None:
    """Make a staff account."""
    from sso import admin

    with provider() as wired:
        made = admin.create_staff(wired, login_name, name, password, role)
    print_json({"identity_id": made.subject}) if as_json else typer.echo(f"{login_name} can log in")


@app.command("set-password")
def set_password(login: Login, password: Password, as_json: AsJson = False) -> None:
    """Set somebody's password and end all their sessions."""
    from sso import admin

    with provider() as wired:
        found = admin.set_password(wired, login, password)
    if not found:
        fail("nobody has that login", "Check the spelling.")
    print_json({"changed": True}) if as_json else typer.echo("changed; all their sessions have ended")


@app.command("list-sessions")
def list_sessions(login: Login, as_json: AsJson = False) -> None:
    """Somebody's live sessions, newest first."""
    from sso import admin

    with provider() as wired:
        found = admin.list_sessions(wired, login)
    rows = [
        {"session_id": each.session_id, "since": each.created_at, "seen": each.last_seen_at, "browser": each.user_agent}
        for each in found
    ]
    if as_json:
        print_json({"sessions": rows})
    else:
        columns = ("session_id", "since", "seen", "browser")
        print_table("Sessions", columns, [[str(row[name]) for name in columns] for row in rows])


@app.command("end-session")
def end_session(
    session_id: Annotated[UUID, typer.Argument(help="From `interlock sso list-sessions`.")], as_json: AsJson = False
) -> None:
    """End one session and tell its clients."""
    from sso import admin

    with provider() as wired:
        ended = admin.end_session(wired, session_id)
    print_json({"ended": ended}) if as_json else typer.echo("ended" if ended else "it had ended before, or is unknown")


@app.command("rotate-key")
def rotate_key(algorithm: Annotated[str, typer.Argument(help="ES256 or RS256.")], as_json: AsJson = False) -> None:
    """Sign with a new key from now on; the old one verifies for a day more."""
    from sso import admin

    with provider() as wired:
        kid = admin.rotate_key(wired, algorithm)
    print_json({"kid": kid}) if as_json else typer.echo(f"new key {kid}")
