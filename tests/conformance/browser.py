"""A person's browser: keeps cookies, fills the forms it is shown, and stops where it would leave the provider."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
from lxml import html

from tests.conformance.parties import PASSENGER, Party, Person

VERIFIER = "a-verifier-that-is-long-enough-for-rfc-7636-0123"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
STEPS_MAX = 20


@dataclass(frozen=True, slots=True)
class Form:
    """A form of a page: where it goes, what it carries, and the names of what a person types."""

    action: str
    fields: dict[str, str]
    typed: list[str]
    password: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where the browser came to rest: at a page of the provider, or (`sent_to`) on its way to somebody else."""

    response: httpx.Response
    sent_to: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    posted: bool = False

    @property
    def form(self) -> Form | None:
        """The form of the page that the person sees."""
        return None if self.sent_to else first_form(self.response)

    @property
    def asks_to_log_in(self) -> bool:
        return self.form is not None and self.form.password is not None

    @property
    def is_error_page(self) -> bool:
        return self.sent_to is None and self.response.status_code >= 400

    @property
    def error(self) -> str | None:
        return self.parameters.get("error")

    @property
    def code(self) -> str:
        assert self.sent_to is not None, (
            f"no answer, but a page: {self.response.status_code} {self.response.text[:2000]}"
        )
        assert "code" in self.parameters, self.parameters
        return self.parameters["code"]


class Browser:
    """`origin` is the provider's; everything else is where the browser stops."""

    def __init__(self, issuer: str, metadata: Mapping[str, Any], mode: str = "query") -> None:
        parts = urlsplit(issuer)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.metadata, self.mode = metadata, mode
        self.http = httpx.Client(follow_redirects=False, trust_env=False, headers={"Accept-Language": "en"})

    def parameters(self, party: Party, **more: str | None) -> dict[str, str]:
        """A good authorization request, changed by `more` (None leaves one out)."""
        good: dict[str, str | None] = {
            "response_type": "code",
            "client_id": party.client_id,
            "redirect_uri": party.callback,
            "scope": "openid",
            "state": "state-1",
            "nonce": "nonce-1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "response_mode": None if self.mode == "query" else self.mode,
            **more,
        }
        return {name: value for name, value in good.items() if value is not None}

    def ask(self, party: Party, **more: str | None) -> Outcome:
        """GET the authorization endpoint and follow as long as it stays with the provider."""
        address = self.metadata["authorization_endpoint"]
        return self._settle(self.http.get(address, params=self.parameters(party, **more)))

    def ask_by_post(self, party: Party, **more: str | None) -> Outcome:
        """The same by POST (OpenID Connect Core 3.1.2.1)."""
        address = self.metadata["authorization_endpoint"]
        return self._settle(self.http.post(address, data=self.parameters(party, **more)))

    def open(self, address: str, **parameters: str) -> Outcome:
        return self._settle(self.http.get(address, params=parameters or None))

    def log_in(self, party: Party, person: Person = PASSENGER, **more: str | None) -> Outcome:
        """Ask, prove who one is where asked to, agree to what is shown; answers what goes back to the party."""
        return self.agree(self.ask(party, **more), person)

    def agree(self, outcome: Outcome, person: Person = PASSENGER) -> Outcome:
        """Fill in and send every form that comes, until there is none, or one asks for what the person cannot know."""
        for _ in range(STEPS_MAX):
            form = outcome.form
            if form is None or outcome.is_error_page or (form.typed and form.password is None):
                return outcome
            outcome = self.send(form, **_typed(form, person))
        raise AssertionError(f"no end after {STEPS_MAX} forms: {outcome.response.text[:1000]}")

    def send(self, form: Form, **typed: str) -> Outcome:
        return self._settle(self.http.post(form.action, data={**form.fields, **typed}))

    def _settle(self, response: httpx.Response) -> Outcome:
        while response.is_redirect:
            address = urljoin(str(response.url), response.headers["location"])
            if not address.startswith(f"{self.origin}/"):
                return Outcome(response, address, dict(parse_qsl(urlsplit(address).query)))
            response = self.http.get(address)
        form = first_form(response)
        if form and not form.action.startswith(f"{self.origin}/"):
            return Outcome(response, form.action, form.fields, posted=True)
        return Outcome(response)


def _typed(form: Form, person: Person) -> dict[str, str]:
    if form.password is None:
        return {}
    return {**dict.fromkeys(form.typed, person.login), form.password: person.password}


def first_form(response: httpx.Response) -> Form | None:
    """The first form of a page that is posted."""
    return next(iter(forms(response)), None)


def forms(response: httpx.Response) -> Iterator[Form]:
    """The forms of a page that are posted, each with the button a person would press first."""
    if "text/html" not in response.headers.get("content-type", ""):
        return
    page = html.fromstring(response.text, base_url=str(response.url))
    for form in page.iter("form"):
        if str(form.get("method", "get")).lower() != "post":
            continue
        named = [each for each in form.iter("input") if each.get("name")]
        kept = [each for each in named if each.get("type") == "hidden" or "checked" in each.attrib]
        hidden = {each.get("name"): each.get("value", "") for each in kept}
        buttons = [*form.iter("button"), *page.iterfind(f".//button[@form='{form.get('id', '')}']")]
        pressed = {each.get("name"): each.get("value", "") for each in buttons[:1] if each.get("name")}
        password = next((each.get("name") for each in named if each.get("type") == "password"), None)
        typed = [each.get("name") for each in named if each.get("type", "text") in ("text", "tel", "email")]
        yield Form(urljoin(str(response.url), form.get("action", "")), {**hidden, **pressed}, typed, password)
