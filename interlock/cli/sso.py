"""`interlock sso ...`: clients, people, sessions, keys and logout deliveries of the provider."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from interlock.cli.printing import AsJson, fail, print_json, print_table
from interlock.settings import Settings

if TYPE_CHECKING:
    from sso import Provider

app = typer.Typer(name="sso", help="The login provider: clients, people, sessions, keys.", no_args_is_help=True)
keys = typer.Typer(name="keys", help="The keys that sign tokens.", no_args_is_help=True)
logouts = typer.Typer(name="logouts", help="Applications that are told of logouts.", no_args_is_help=True)
app.add_typer(keys)
app.add_typer(logouts)
clerks = typer.Typer(name="clerks", help="Who works for an agents' company.", no_args_is_help=True)
app.add_typer(clerks)

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
    resource: Annotated[str | None, typer.Option(help="The resource that it serves and gets tokens for.")] = None,
    ask_people: Annotated[bool, typer.Option(help="It is not the operator's own: people are asked first.")] = False,
    acts: Annotated[
        bool, typer.Option(help="An agents' company: acts for people who agreed; needs a resource.")
    ] = False,
    device: Annotated[bool, typer.Option(help="Windows, kiosks: people approve them by code (RFC 8628).")] = False,
    calls: Annotated[bool, typer.Option(help="A call centre: callers approve it (CIBA); it polls.")] = False,
    ping: Annotated[str | None, typer.Option(help="Where a call centre is told that a caller decided.")] = None,
    key_set: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Its public keys (JWK Set), instead of a secret.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Register a client, or replace its registration."""
    from sso.admin import Registration
    from sso.admin import register_client as register
    from sso.grants import CibaGrant, DeviceGrant
    from sso.grants.exchange import EXCHANGE

    calls = calls or ping is not None
    proves_itself = confidential or channel or acts or calls
    secret = secrets.token_urlsafe(32) if proves_itself and key_set is None else None
    further = {
        EXCHANGE: acts,
        DeviceGrant.GRANT_TYPE: device,
        CibaGrant.GRANT_TYPE: calls,
        "refresh_token": device or calls,
    }
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
                further_grants=[grant for grant, wanted in further.items() if wanted],
                jwks=json.loads(key_set.read_text()) if key_set else None,
                ciba_mode=("ping" if ping else "poll") if calls else None,
                notification_uri=ping,
                audiences=[resource] if resource else (),
                resource=resource,
                consent="explicit" if ask_people or acts else "implicit",
                may_act=acts,
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
    password: Password,
    role: Annotated[list[str] | None, typer.Option(help="Once per role; none: a clerk of an agents' company.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a staff account."""
    from sso import admin

    with provider() as wired:
        made = admin.create_staff(wired, login_name, name, password, role or ())
    print_json({"identity_id": made.subject}) if as_json else typer.echo(f"{login_name} can log in")


@app.command("set-password")
def set_password(
    login: Login,
    password: Password,
    alone: Annotated[
        bool, typer.Option(help="Forget passkeys, authenticator app and recovery codes too, for who lost their device.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Set somebody's password and end all their sessions."""
    from sso import admin

    with provider() as wired:
        found = admin.set_password(wired, login, password, alone=alone)
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


@app.command("allow-registration")
def allow_registration(
    label: Annotated[str, typer.Argument(help="Whom it is for.")],
    scope: Annotated[list[str], typer.Option(help="The most that such a client may ask of people; once per scope.")],
    uses: Annotated[int, typer.Option(help="How many clients may be registered with it.")] = 1,
    days: Annotated[int, typer.Option(help="How long it is good.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Make an initial access token, with which an application registers itself (RFC 7591)."""
    from sso import admin

    with provider() as wired:
        token = admin.create_initial_access_token(wired, label, scope, uses, timedelta(days=days))
    if as_json:
        print_json({"initial_access_token": token})
    else:
        typer.echo(f"The initial access token, shown this once: {token}")


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """Every signing key, newest first: next, signing, retired, past or withdrawn."""
    from sso import admin

    with provider() as wired:
        found = admin.list_keys(wired)
    columns = ("kid", "algorithm", "state", "signs_from", "retired_at")
    if as_json:
        print_json({"keys": [asdict(key) for key in found]})
    else:
        rows = [[str(getattr(key, name) or "") for name in columns] for key in found]
        print_table("Signing keys", columns, rows)


@keys.command("rotate")
def rotate_key(
    algorithm: Annotated[str, typer.Argument(help="ES256 or RS256.")],
    at_once: Annotated[
        bool, typer.Option(help="Sign with it now: clients that kept the key set may refuse its tokens for a while.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Publish a new key that signs ten minutes later; the old one verifies for a day more."""
    from sso import admin

    with provider() as wired:
        kid = admin.rotate_key(wired, algorithm, at_once=at_once)
    print_json({"kid": kid}) if as_json else typer.echo(f"new key {kid}")


@keys.command("withdraw")
def withdraw_key(
    kid: Annotated[str, typer.Argument(help="From `interlock sso keys list`.")], as_json: AsJson = False
) -> None:
    """Stop believing a key that leaked: whatever it signed is refused, and a new one signs at once."""
    from sso import admin

    with provider() as wired:
        withdrawn = admin.withdraw_key(wired, kid)
    if as_json:
        print_json({"withdrawn": withdrawn})
    else:
        typer.echo("withdrawn" if withdrawn else "it was withdrawn before, or is unknown")


@logouts.command("list")
def list_logouts(as_json: AsJson = False) -> None:
    """Applications that could not be told of a logout: given up, or failed and tried again."""
    from sso import admin

    with provider() as wired:
        found = admin.undelivered_logouts(wired)
    columns = ("client_id", "state", "attempts", "last_attempt_at", "last_status", "last_error")
    if as_json:
        print_json({"deliveries": [asdict(each) for each in found]})
    else:
        rows = [[str(getattr(each, name) or "") for name in columns] for each in found]
        print_table("Logouts that did not arrive", columns, rows)


@logouts.command("retry")
def retry_logouts(
    client_id: Annotated[list[str], typer.Argument(help="Whose deliveries were given up.")], as_json: AsJson = False
) -> None:
    """Tell an application again of every logout that was given up, beginning now."""
    from sso import admin

    with provider() as wired:
        count = admin.retry_logouts(wired, client_id)
    print_json({"retried": count}) if as_json else typer.echo(f"{count} will be tried again")


Company = Annotated[str, typer.Argument(help="The agents' company, by its client id.")]


@clerks.command("employ")
def employ_clerk(company: Company, login: Login, as_json: AsJson = False) -> None:
    """From now on this person may act for passengers as a clerk of the company."""
    from sso import clerks

    with provider() as wired:
        found = clerks.employ(wired, company, login)
    if not found:
        fail("nobody has that login", "Check the spelling.")
    print_json({"employed": True}) if as_json else typer.echo(f"{login} may act for {company}")


@clerks.command("dismiss")
def dismiss_clerk(company: Company, login: Login, as_json: AsJson = False) -> None:
    """The clerk has left: every token in which they act ends at once."""
    from sso import clerks

    with provider() as wired:
        left = clerks.dismiss(wired, company, login)
    print_json({"dismissed": left}) if as_json else typer.echo("dismissed" if left else "they did not work there")
