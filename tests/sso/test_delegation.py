"""Token exchange (RFC 8693): who may act for whom, what comes out, how it ends, and what is written down of it."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import Any

import pytest

from sso import agents, clerks, consents
from sso.people import lockout
from sso.tokens import TokenRefused
from tests.sso.agency import ACCESS_TOKEN, EXCHANGE, RESOURCE, SECRET, Agency
from tests.sso.asking import DEVICE_CODE, Asker, signed_in, type_code
from tests.sso.harness import HUB, PASSWORD, Browser, Site


@pytest.fixture
def agency(site: Site) -> Agency:
    """The agents' company."""
    return Agency(site)


@pytest.fixture
def passenger(agency: Agency) -> dict[str, Any]:
    """What the company holds after the passenger logged in there and agreed."""
    return agency.tokens("liwei")


@pytest.fixture
def clerk(agency: Agency) -> str:
    """The access token of a clerk who works there."""
    return str(agency.tokens("wangfang", scope="openid")["access_token"])


def usable(agency: Agency, token: str) -> bool:
    """Whether the hub's API takes the token at this moment."""
    try:
        agency.site.provider.verifier(HUB, check_liveness=True).verify(token, scopes=frozenset({"hub:orders"}))
    except TokenRefused as refused:
        if refused.code != "token_revoked":
            raise
        return False
    return True


def delegated(agency: Agency, subject: str, actor: str, **more: str) -> str:
    response = agency.exchange(subject, actor, **more)
    assert response.status_code == 200, response.text
    return str(response.json()["access_token"])


# --- what comes out --------------------------------------------------------------------------------------------------


def test_a_clerk_acts_for_a_passenger_and_both_are_named(agency: Agency, passenger: dict[str, Any], clerk: str) -> None:
    response = agency.exchange(passenger["access_token"], clerk)
    body = response.json()
    assert response.headers["cache-control"] == "no-store"
    assert (body["issued_token_type"], body["token_type"], body["scope"]) == (ACCESS_TOKEN, "Bearer", "hub:orders")
    assert set(body) == {"access_token", "issued_token_type", "token_type", "expires_in", "scope"}
    assert body["expires_in"] <= 600
    claims = agency.site.claims(body["access_token"])
    assert claims["sub"] == agency.identity_id("liwei")
    assert claims["act"] == {"sub": agency.identity_id("wangfang"), "act": {"sub": "client:agency"}}
    assert claims["aud"] == [HUB]
    assert claims["client_id"] == "agency"
    assert claims["exp"] - claims["iat"] == body["expires_in"]
    assert "may_act" not in claims
    assert "roles" not in claims
    assert usable(agency, body["access_token"])


def test_the_company_itself_acts_with_its_own_token(agency: Agency, passenger: dict[str, Any]) -> None:
    claims = agency.site.claims(delegated(agency, passenger["access_token"], agency.own_token()))
    assert claims["act"] == {"sub": "client:agency"}


def test_another_clerk_takes_over_and_the_chain_says_so(agency: Agency, passenger: dict[str, Any], clerk: str) -> None:
    first = delegated(agency, passenger["access_token"], clerk, resource=RESOURCE)
    second_clerk = agency.tokens("zhaolei", scope="openid")["access_token"]
    agency.site.clock.advance(timedelta(minutes=1))
    claims = agency.site.claims(delegated(agency, first, second_clerk))
    assert (
        agents.act_claim([agency.identity_id("zhaolei"), agency.identity_id("wangfang"), "client:agency"])
        == claims["act"]
    )
    # Exchanging again and again is no refresh token.
    assert claims["exp"] == agency.site.claims(first)["exp"]


def test_a_chain_has_an_end(agency: Agency, passenger: dict[str, Any], clerk: str) -> None:
    other = agency.tokens("zhaolei", scope="openid")["access_token"]
    token = delegated(agency, passenger["access_token"], clerk, resource=RESOURCE)
    token = delegated(agency, token, other, resource=RESOURCE)
    token = delegated(agency, token, clerk, resource=RESOURCE)
    refused = agency.exchange(token, other, resource=RESOURCE).json()
    assert refused == {"error": "invalid_request", "error_description": "Too many actors in a row."}


def test_it_is_no_longer_than_the_consent(agency: Agency, clerk: str) -> None:
    browser = agency.site.browser()
    passenger = agency.tokens("liwei", browser, term="day")
    agency.site.clock.advance(timedelta(hours=23, minutes=57))
    passenger = agency.site.token(
        {"grant_type": "refresh_token", "refresh_token": passenger["refresh_token"]}, ("agency", SECRET)
    ).json()
    clerk = agency.tokens("wangfang", scope="openid")["access_token"]
    assert agency.exchange(passenger["access_token"], clerk).json()["expires_in"] == 180


def test_the_work_is_a_branch_of_the_passengers_session(agency: Agency, passenger: dict[str, Any], clerk: str) -> None:
    own = agency.site.claims(passenger["access_token"])["sid"]
    first, second = (agency.site.claims(delegated(agency, passenger["access_token"], clerk)) for _ in range(2))
    assert first["sid"] == second["sid"] != own
    kind, parent = agency.site.one(
        "SELECT array[kind, parent_id::text] FROM sso.session WHERE session_id = %s", first["sid"]
    )
    assert (kind, parent) == ("agent", own)


def test_at_the_counter_the_passenger_agrees_on_their_own_phone(agency: Agency, clerk: str) -> None:
    """Device grant: the terms are on the phone; window and agent are branches of the phone's session."""
    agency.register("agency", RESOURCE, further_grants=[EXCHANGE, DEVICE_CODE])
    counter, phone = Asker(agency.site, ("agency", SECRET)), signed_in(agency.site)
    asked = counter.device(resource=RESOURCE, office="联程西湖店")
    page = type_code(phone, asked["user_code"])
    assert "act for you" in page.text
    phone.submit(page, decision="approve", term="day")
    tokens = counter.tokens(asked)
    claims = agency.site.claims(delegated(agency, tokens["access_token"], clerk))
    lineage = """SELECT array[child.kind, parent.kind, root.kind] FROM sso.session child
        JOIN sso.session parent ON parent.session_id = child.parent_id
        JOIN sso.session root ON root.session_id = parent.parent_id WHERE child.session_id = %s"""
    assert agency.site.one(lineage, claims["sid"]) == ["agent", "window", "browser"]
    assert agency.site.one("SELECT expires_at - given_at FROM sso.consent") == timedelta(days=1)
    phone.submit(phone.get("/account/agents"))
    assert counter.post("/token", grant_type="refresh_token", refresh_token=tokens["refresh_token"]).status_code == 400


# --- what does not -------------------------------------------------------------------------------------------------


def test_with_no_actor_token_it_fails(agency: Agency, passenger: dict[str, Any]) -> None:
    assert agency.exchange(passenger["access_token"], None).json() == {
        "error": "invalid_request",
        "error_description": "Missing 'actor_token' in request.",
    }


WRONG_ACTORS = {
    "a customer of the company": "of nobody who works for this client",
    "the passenger": "Nobody acts for themselves",
    "another company's clerk": "audience",
    "a clerk who has signed out": "signed out",
    "a clerk at another client": "audience",
    "a clerk's ID token": "refused",
    "a channel's system": "audience",
    "a token that acts already": "speak for its own subject",
    "nonsense": "refused",
    "a clerk who has left": "of nobody who works for this client",
}


def test_with_the_wrong_actor_token_it_fails(agency: Agency, passenger: dict[str, Any], clerk: str) -> None:
    for count, (wrong, reason) in enumerate(WRONG_ACTORS.items(), start=1):
        refused = agency.exchange(passenger["access_token"], wrong_actor(agency, passenger, clerk, wrong))
        assert refused.status_code == 400, wrong
        assert refused.json()["error"] == "invalid_request", wrong
        assert reason in refused.json()["error_description"], wrong
        assert agency.site.one("SELECT count(*) FROM sso.audit WHERE kind = 'agent_token_refused'") == count


def wrong_actor(agency: Agency, passenger: dict[str, Any], clerk: str, wrong: str) -> str:
    if wrong == "a customer of the company":
        return str(agency.tokens("sunyu")["access_token"])
    if wrong == "the passenger":
        return str(passenger["access_token"])
    if wrong == "another company's clerk":
        agency.register("rival", "https://rival.interlock.test/api")
        assert clerks.employ(agency.site.provider, "rival", "sunyu")
        browser = agency.site.browser()
        code = browser.log_in("rival", "sunyu", resource="https://rival.interlock.test/api", scope="openid")
        return str(browser.redeem("rival", code, client_secret=SECRET).json()["access_token"])
    if wrong == "a clerk who has left":
        assert clerks.dismiss(agency.site.provider, "agency", "wangfang")
        return clerk
    if wrong == "a clerk who has signed out":
        browser = agency.site.browser()
        token = str(agency.tokens("zhaolei", browser, scope="openid")["access_token"])
        browser.submit(browser.get("/logout"))
        return token
    if wrong == "a clerk at another client":
        browser = agency.site.browser()
        return str(browser.redeem("web", browser.log_in("web", "wangfang")).json()["access_token"])
    if wrong == "a clerk's ID token":
        return str(agency.tokens("zhaolei", scope="openid")["id_token"])
    if wrong == "a channel's system":
        data = {"grant_type": "client_credentials", "scope": "hub:orders"}
        return str(agency.site.token(data, ("agency", SECRET)).json()["access_token"])
    if wrong == "a token that acts already":
        return delegated(agency, passenger["access_token"], clerk, resource=RESOURCE)
    return "nonsense"


def test_a_company_acts_only_for_those_who_agreed(agency: Agency, clerk: str) -> None:
    """A clerk is a person too; but nobody who works there has agreed to be acted for."""
    other = agency.tokens("zhaolei", scope="openid hub:orders")["access_token"]
    assert "has not agreed" in agency.exchange(other, clerk).json()["error_description"]


def test_a_token_for_another_channel_is_no_subject(agency: Agency, passenger: dict[str, Any], clerk: str) -> None:
    web = agency.site.browser().tokens("web")["access_token"]
    hub = delegated(agency, passenger["access_token"], clerk)
    for token in (web, hub, agency.own_token()):
        assert agency.exchange(token, clerk).json()["error"] == "invalid_request"


def test_a_company_that_found_another_companys_token_gets_nothing(
    agency: Agency, passenger: dict[str, Any], clerk: str
) -> None:
    agency.register("rival", RESOURCE + "/rival", audiences=[RESOURCE])
    refused = agency.exchange_as("rival", passenger["access_token"], clerk)
    assert refused.json()["error"] == "invalid_request"


def test_a_client_that_may_not_act_may_not_exchange(agency: Agency, passenger: dict[str, Any], clerk: str) -> None:
    agency.register("agency", RESOURCE, may_act=False, client_credentials=False)
    assert agency.exchange(passenger["access_token"], clerk).json()["error"] == "unauthorized_client"
    agency.register("agency", RESOURCE, further_grants=[])
    assert agency.exchange(passenger["access_token"], clerk).json()["error"] == "unauthorized_client"


TOO_MUCH = [
    ({"scope": "openid"}, "invalid_scope"),
    ({"scope": "profile"}, "invalid_scope"),
    ({"scope": "hub:messages"}, "invalid_scope"),
    ({"scope": "hub:orders admin"}, "invalid_scope"),
    ({"scope": "companions"}, "invalid_scope"),
    ({"resource": "https://windows.interlock.test"}, "invalid_target"),
    ({"audience": HUB}, "invalid_target"),
    ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
    ({"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "invalid_request"),
    ({"actor_token_type": "urn:ietf:params:oauth:token-type:jwt"}, "invalid_request"),
]


def test_what_is_asked_for_can_only_be_less(agency: Agency, passenger: dict[str, Any], clerk: str) -> None:
    for more, error in TOO_MUCH:
        assert agency.exchange(passenger["access_token"], clerk, **more).json()["error"] == error, more


def test_a_scope_that_the_passenger_did_not_give_is_not_handed_on(agency: Agency, clerk: str) -> None:
    passenger = agency.tokens("liwei", scope="openid profile")
    refused = agency.exchange(passenger["access_token"], clerk, scope="hub:orders")
    assert refused.json()["error"] == "invalid_scope"


@pytest.mark.parametrize("login", ["liwei", "wangfang"])
def test_somebody_who_is_locked_out_is_in_no_exchange(
    agency: Agency, passenger: dict[str, Any], clerk: str, login: str
) -> None:
    """Keycloak CVE-2026-9798: the lockout is the person's, whichever way they or others come."""
    browser = agency.site.browser()
    for _ in range(agency.site.provider.options.lockout_failures):
        browser.submit(browser.get("/login"), login=login, password="a wrong guess")
    with agency.site.provider.pool.connection() as connection:
        person = agency.site.one("SELECT identity_id FROM sso.identity WHERE login_name = %s", login)
        assert lockout.locked(connection, person, agency.site.clock())
    assert "locked out" in agency.exchange(passenger["access_token"], clerk).json()["error_description"]


def test_the_delegated_token_opens_neither_userinfo_nor_a_refresh(
    agency: Agency, passenger: dict[str, Any], clerk: str
) -> None:
    token = delegated(agency, passenger["access_token"], clerk)
    http = agency.site.browser().http
    assert http.get(f"{agency.site.issuer}/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    kept = (
        "SELECT count(*) FROM sso.refresh_token r JOIN sso.token_grant g USING (grant_id) WHERE g.origin = 'exchange'"
    )
    assert agency.site.one(kept) == 0


# --- how it ends ---------------------------------------------------------------------------------------------------


def my_agents(browser: Browser) -> str:
    return browser.get("/account/agents").text


def test_revoking_ends_it_at_once_and_the_company_has_to_ask_again(agency: Agency, clerk: str) -> None:
    browser = agency.site.browser()
    passenger = agency.tokens("liwei", browser)
    token = delegated(agency, passenger["access_token"], clerk)
    assert usable(agency, token)
    browser.submit(browser.get("/account/agents"))
    assert not usable(agency, token)
    assert agency.exchange(passenger["access_token"], clerk).json()["error"] == "invalid_request"
    assert "act for you" in agency.sent_to_log_in("liwei", browser).text


def test_the_passengers_logout_ends_it(agency: Agency, clerk: str) -> None:
    browser = agency.site.browser()
    passenger = agency.tokens("liwei", browser)
    token = delegated(agency, passenger["access_token"], clerk)
    browser.submit(browser.get("/logout"))
    assert not usable(agency, token)
    assert "signed out" in agency.exchange(passenger["access_token"], clerk).json()["error_description"]


def test_a_clerk_who_leaves_acts_for_nobody_any_more_and_the_others_do(
    agency: Agency, passenger: dict[str, Any], clerk: str
) -> None:
    other = agency.tokens("zhaolei", scope="openid")["access_token"]
    theirs, others = (delegated(agency, passenger["access_token"], each) for each in (clerk, other))
    assert clerks.dismiss(agency.site.provider, "agency", "wangfang")
    assert not clerks.dismiss(agency.site.provider, "agency", "wangfang")
    assert not usable(agency, theirs)
    assert usable(agency, others)
    assert clerks.employ(agency.site.provider, "agency", "wangfang")
    assert not usable(agency, theirs)
    delegated(agency, passenger["access_token"], clerk)


def test_a_clerk_who_logs_out_acts_for_nobody_any_more(agency: Agency, passenger: dict[str, Any], clerk: str) -> None:
    browser = agency.site.browser()
    leaving = agency.tokens("zhaolei", browser, scope="openid")["access_token"]
    first = delegated(agency, passenger["access_token"], leaving, resource=RESOURCE)
    taken_over = delegated(agency, first, clerk)
    theirs, others = (delegated(agency, passenger["access_token"], each) for each in (leaving, clerk))
    browser.submit(browser.get("/logout"))
    assert [usable(agency, token) for token in (theirs, taken_over, others)] == [False, False, True]


def test_a_clerk_whose_account_is_disabled_acts_for_nobody_any_more(
    agency: Agency, passenger: dict[str, Any], clerk: str
) -> None:
    """At once, also where another clerk has taken over from them; a token exchanged before is no way around it."""
    other = agency.tokens("zhaolei", scope="openid")["access_token"]
    first = delegated(agency, passenger["access_token"], clerk, resource=RESOURCE)
    theirs, taken_over, others, companys = (
        delegated(agency, subject, actor)
        for subject, actor in (
            (passenger["access_token"], clerk),
            (first, other),
            (passenger["access_token"], other),
            (passenger["access_token"], agency.own_token()),
        )
    )
    with agency.site.provider.pool.connection() as connection:
        connection.execute(
            "UPDATE sso.identity SET disabled_at = %s WHERE login_name = 'wangfang'", (agency.site.clock(),)
        )
    assert [usable(agency, each) for each in (theirs, taken_over, others, companys)] == [False, False, True, True]
    for subject, actor in ((passenger["access_token"], clerk), (first, other)):
        assert agency.exchange(subject, actor).json()["error"] == "invalid_request"


def test_the_end_of_the_passengers_grant_is_the_end_of_all_that_was_made_of_it(
    agency: Agency, passenger: dict[str, Any], clerk: str
) -> None:
    first = delegated(agency, passenger["access_token"], clerk, resource=RESOURCE)
    token = delegated(agency, first, agency.tokens("zhaolei", scope="openid")["access_token"])
    for _ in range(2):
        data = {"grant_type": "refresh_token", "refresh_token": passenger["refresh_token"]}
        agency.site.token(data, ("agency", SECRET))
        agency.site.clock.advance(timedelta(seconds=30))
    assert not usable(agency, token)


def test_a_revocation_that_meets_an_exchange_leaves_nothing_behind(
    agency: Agency, passenger: dict[str, Any], clerk: str
) -> None:
    """Forty exchanges against one revocation: afterwards no token of the company is good, however they interleaved."""
    person = agency.site.one("SELECT identity_id FROM sso.identity WHERE login_name = 'liwei'")
    got: list[str] = []

    def exchange() -> None:
        for _ in range(10):
            response = agency.exchange(passenger["access_token"], clerk)
            assert response.status_code in (200, 400), response.text
            got.extend(response.json().get("access_token", "").split())

    threads = [threading.Thread(target=exchange) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(got) < 4:
        threading.Event().wait(0.005)
    with agency.site.provider.pool.connection() as connection:
        consents.revoke(connection, person, "agency", "revoked_by_person", agency.site.clock())
    for thread in threads:
        thread.join()
    assert not any(usable(agency, token) for token in got)


# --- what is written down --------------------------------------------------------------------------------------------


def test_the_audit_has_both_names(agency: Agency, passenger: dict[str, Any], clerk: str) -> None:
    delegated(agency, passenger["access_token"], clerk)
    row = agency.site.one(
        "SELECT jsonb_build_array(identity_id, client_id, detail) FROM sso.audit WHERE kind = 'agent_token_issued'"
    )
    assert row[:2] == [agency.identity_id("liwei"), "agency"]
    assert row[2] == {
        "actor": agency.identity_id("wangfang"),
        "actors": f"{agency.identity_id('wangfang')} client:agency",
        "what": "token",
        "scope": "hub:orders",
    }


def test_the_passenger_reads_who_did_what(agency: Agency, clerk: str) -> None:
    browser = agency.site.browser()
    passenger = agency.tokens("liwei", browser)
    delegated(agency, passenger["access_token"], clerk)
    delegated(agency, passenger["access_token"], agency.own_token())
    with agency.site.provider.pool.connection() as connection:
        agents.record(
            connection,
            agency.site.clock(),
            identity_id=agency.site.one("SELECT identity_id FROM sso.identity WHERE login_name = 'liwei'"),
            client_id="agency",
            actors=[agency.identity_id("wangfang"), "client:agency"],
            what="order_read",
            about="01890000-0000-7000-8000-000000000000",
        )
    page = my_agents(browser)
    assert "Liancheng Travel" in page
    assert "May act for you" in page
    assert page.count("By 王芳") == 2
    assert page.count("By the company&#39;s system") == 1
    assert "Looked at one of your orders" in page
    assert "01890000-0000-7000-8000-000000000000" in page
    assert re.search("<time>2026-03-10 12:00</time>", page)
    assert "王芳" not in my_agents(other_passenger(agency))


def test_what_was_done_stays_readable_after_it_was_taken_back_and_after_it_ran_out(agency: Agency, clerk: str) -> None:
    browser = agency.site.browser()
    delegated(agency, agency.tokens("liwei", browser)["access_token"], clerk)
    gone = browser.submit(browser.get("/account/agents"))
    assert "Earlier permissions" in gone.text
    assert "Ended 2026-03-10 12:00" in gone.text
    assert "By 王芳" in gone.text
    agency.code("liwei", browser, term="day")
    assert "Earlier permissions" not in my_agents(browser)
    agency.site.clock.advance(timedelta(days=1, minutes=1))
    assert "Ended 2026-03-11 12:00" in my_agents(browser)


def other_passenger(agency: Agency) -> Browser:
    browser = agency.site.browser()
    browser.submit(browser.get("/login"), login="sunyu", password=PASSWORD)
    return browser


def test_nobody_revokes_for_somebody_else(agency: Agency, passenger: dict[str, Any], clerk: str) -> None:
    token = delegated(agency, passenger["access_token"], clerk)
    browser = other_passenger(agency)
    form = re.search(r'name="form_token" value="([^"]+)"', browser.get("/account").text)
    assert form
    browser.post("/account/agents/revoke", {"form_token": form[1], "client_id": "agency"})
    assert usable(agency, token)
    assert browser.post("/account/agents/revoke", {"form_token": "x", "client_id": "agency"}).status_code == 403


def test_a_company_that_acts_has_a_secret_and_a_resource(agency: Agency) -> None:
    with pytest.raises(ValueError, match="needs a secret or a key, and a resource"):
        agency.register("careless", None)
    with pytest.raises(ValueError, match="needs a secret or a key, and a resource"):
        agency.register("careless", RESOURCE, secret=None, client_credentials=False)
    with pytest.raises(ValueError, match="not an agents' company"):
        clerks.employ(agency.site.provider, "web", "wangfang")
    assert not clerks.employ(agency.site.provider, "agency", "nobody")


def test_a_company_gets_nothing_of_people_in_its_own_name(agency: Agency) -> None:
    own = {"grant_type": "client_credentials"}
    assert agency.site.token({**own, "scope": "openid"}, ("agency", SECRET)).json()["error"] == "invalid_scope"
    assert agency.site.token(own, ("agency", SECRET)).json()["scope"] == "hub:orders"


def test_it_is_in_the_discovery_document(site: Site) -> None:
    document = site.browser().get("/.well-known/openid-configuration").json()
    assert EXCHANGE in document["grant_types_supported"]
