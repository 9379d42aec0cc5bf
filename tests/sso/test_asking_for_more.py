"""What a client may ask of a login: who, how fresh, how sure (OpenID Connect Core 3.1.2.1, RFC 9470)."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

from joserfc.jwk import ECKey, OctKey

from sso.admin import Registration, register_client
from sso.people import assurance
from tests.sso.harness import PASSWORD, Site, answer
from tests.sso.signing import encode

SURER = assurance.MULTI_FACTOR


def test_a_class_that_the_session_has_not_leads_to_one_more_proof(site: Site) -> None:
    browser = site.browser()
    browser.tokens("web")
    asked = browser.authorize("web", acr_values=SURER)
    assert "/login/second?i=" in asked.headers["location"]
    # Going straight to where the proof would lead leads back to the proof.
    handle = asked.headers["location"].partition("i=")[2]
    assert "/login/second?i=" in browser.get("/authorize/resume", i=handle).headers["location"]
    assert answer(browser.authorize("web", acr_values=assurance.SINGLE_FACTOR))["code"]
    assert answer(browser.authorize("web", acr_values="urn:somebody:elses"))["code"]


def test_a_class_that_cannot_be_had_silently_is_an_error_with_prompt_none(site: Site) -> None:
    browser = site.browser()
    browser.tokens("web")
    silent = answer(browser.authorize("web", acr_values=SURER, prompt="none"))
    assert silent["error"] == "login_required"
    essential = json.dumps({"id_token": {"acr": {"essential": True, "values": [SURER]}}})
    told = answer(browser.authorize("web", claims=essential, prompt="none"))
    assert told["error"] == "unmet_authentication_requirements"
    assert (told["iss"], told["state"]) == (site.issuer, "state-of-web")


def test_the_claims_parameter_may_name_the_class_and_the_person(site: Site) -> None:
    browser = site.browser()
    mine = site.claims(browser.tokens("web")["id_token"])
    essential = json.dumps({"id_token": {"acr": {"essential": True, "value": SURER}}})
    assert "/login/second" in browser.authorize("web", claims=essential).headers["location"]
    me = json.dumps({"id_token": {"sub": {"value": mine["sub"]}}})
    assert answer(browser.authorize("web", claims=me))["code"]
    other = json.dumps({"id_token": {"sub": {"value": "somebody else"}}})
    assert "/login?" in browser.authorize("web", claims=other).headers["location"]
    assert answer(browser.authorize("web", claims=other, prompt="none"))["error"] == "login_required"


def test_max_age_1_but_prompt_none(site: Site) -> None:
    browser = site.browser()
    browser.tokens("web")
    site.clock.advance(timedelta(seconds=2))
    assert answer(browser.authorize("web", max_age="1", prompt="none"))["error"] == "login_required"


def test_prompt_consent_asks_also_for_a_client_that_needs_none(site: Site) -> None:
    browser = site.browser()
    browser.tokens("web")
    assert "/consent?i=" in browser.authorize("web", prompt="consent").headers["location"]


def test_a_client_of_somebody_else_gets_nothing_without_consent(site: Site) -> None:
    register_client(
        site.provider,
        Registration(
            "guest",
            "外方",
            "Guest",
            ["openid"],
            redirect_uris=["https://guest.interlock.test/callback"],
            consent="explicit",
        ),
    )
    browser = site.browser()
    page = browser.follow(browser.authorize("guest", scope="openid"))
    after = browser.submit(page, login="liwei", password=PASSWORD)
    while "/consent?i=" not in after.headers["location"]:
        after = browser.http.get(after.headers["location"])
    assert answer(browser.authorize("guest", scope="openid", prompt="none"))["error"] == "consent_required"


def test_every_answer_by_form_carries_the_issuer(site: Site) -> None:
    browser = site.browser()
    browser.tokens("web")
    for more in ({}, {"prompt": "none", "max_age": "0"}, {"scope": "nothing"}):
        page = browser.authorize("web", response_mode="form_post", **more)
        assert page.status_code == 200
        assert f'name="iss" value="{site.issuer}"' in page.text
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


def test_a_forged_hint_is_refused_whatever_it_is_signed_with(site: Site) -> None:
    browser = site.browser()
    real = browser.tokens("web")["id_token"]
    head, payload, signature = real.split(".")
    claims, keys = site.claims(real), site.provider.keys.jwks()["keys"]
    ours = {"alg": "ES256", "typ": "JWT", "kid": site.provider.keys.signing("ES256").kid}
    stranger = ECKey.generate_key("P-256")
    public_key = OctKey.import_key(json.dumps(keys[0]))
    forged = {
        "unsigned": base64.urlsafe_b64encode(json.dumps(ours | {"alg": "none"}).encode()).decode() + f".{payload}.",
        "signature cut": f"{head}.{payload}.",
        "altered": f"{head}.{payload[:-4]}AAAA.{signature}",
        "HS256 with the public key": encode(ours | {"alg": "HS256"}, claims, public_key),
        "foreign key under our name": encode(ours, claims, stranger),
        "foreign key in the header": encode(ours | {"jwk": stranger.as_dict(private=False)}, claims, stranger),
        "foreign key by address": encode(ours | {"jku": "https://evil.test/keys"}, claims, stranger),
        "unknown crit": encode(ours | {"crit": ["kid"]}, claims, stranger),
        "an access token": site.browser().tokens("web")["access_token"],
        "another client's": site.browser().tokens("app")["id_token"],
    }
    told = {name: answer(browser.authorize("web", id_token_hint=hint))["error"] for name, hint in forged.items()}
    assert told == dict.fromkeys(forged, "invalid_request")
    assert answer(browser.authorize("web", id_token_hint=real))["code"]


def test_no_other_site_may_read_what_we_answer(site: Site) -> None:
    """RFC 9700 2.6: no CORS at the authorization endpoint; nothing here is meant for a script of another origin."""
    browser = site.browser(Origin="https://evil.test")
    answers = [browser.authorize("web"), browser.get("/login"), browser.get("/account"), browser.get("/logout")]
    answers += [browser.http.options(f"{site.issuer}{path}") for path in ("/authorize", "/token", "/userinfo")]
    assert [name for each in answers for name in each.headers if name.startswith("access-control")] == []
