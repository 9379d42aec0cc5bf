"""Frequent passengers: kept once, fifteen at most, sealed, read by channels that the person allows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx

from sso.people import companions
from sso.people.registers import Traveller
from tests.sso.harness import Site, first_form
from tests.sso.one_identity.conftest import OTHER_PASSWORD, OTHER_PHONE, People, confirmed, signed_in

PASSPORT = {"name": "周大", "document_type": "passport", "number": "X12345678", "ticket_type": "adult", "phone": ""}


def add(people: People, **typed: str) -> httpx.Response:
    page = people.me.get("/account/passengers")
    token = first_form(page.text)[1]["form_token"]
    return people.me.post("/account/passengers", {"form_token": token, **PASSPORT, **typed})


def share(people: People, client_id: str, allow: str) -> None:
    token = first_form(people.me.get("/account/passengers").text)[1]["form_token"]
    typed = {"form_token": token, "client_id": client_id, "allow": allow}
    assert people.me.post("/account/passengers/sharing", typed).status_code == 303


def read(site: Site, access_token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {access_token}"}
    return httpx.get(f"{site.issuer}/companions", headers=headers, trust_env=False)


def test_one_is_added_masked_and_removed_for_good(people: People) -> None:
    assert add(people, number="x1234 5678").status_code == 303
    page = people.me.get("/account/passengers")
    assert "周大" in page.text
    assert "*****5678" in page.text
    assert "X12345678" not in page.text
    people.me.submit(page)
    assert "周大" not in people.me.get("/account/passengers").text
    assert people.site.one("SELECT name_sealed || number_sealed || number_blind FROM sso.companion") == ""


def test_what_is_refused_and_what_is_kept_of_the_form(people: People) -> None:
    assert add(people, document_type="resident_id", number="990101199001010010").status_code == 400
    assert add(people, phone="abc").status_code == 400
    assert add(people, name="").status_code == 400
    assert add(people, ticket_type="dog").status_code == 400
    assert add(people).status_code == 303
    again = add(people, name="同一个人")
    assert again.status_code == 409
    assert 'value="同一个人"' in again.text


def test_the_sixteenth_is_refused_also_when_two_come_at_once(people: People) -> None:
    provider = people.site.provider

    def keep(number: int) -> bool:
        traveller = Traveller(f"第{number}", "passport", f"P{number:08d}")
        with provider.pool.connection() as connection:
            now, mint = provider.clock(), provider.mint
            brought = companions.bring(connection, provider.cipher, mint, people.my_id, [traveller], None, now)
        return brought.added == 1

    with ThreadPoolExecutor(4) as four:
        assert sum(four.map(keep, range(20))) == companions.COMPANIONS_MAX
    page = people.me.get("/account/passengers")
    assert "Add a passenger" not in page.text
    assert add(people).status_code == 409


def test_numbers_and_names_are_sealed(people: People) -> None:
    add(people)
    row = people.site.one("SELECT row_to_json(c)::text FROM sso.companion c")
    assert "X12345678" not in row
    assert "周大" not in row


def test_a_channel_reads_them_with_scope_and_consent_until_it_is_withdrawn(people: People) -> None:
    add(people)
    token = people.site.browser().tokens("web", scope="openid companions")["access_token"]
    asked = read(people.site, token)
    assert asked.status_code == 403
    assert asked.json()["code"] == "companions_not_shared"
    assert asked.json()["remedy"].endswith("/sso/account/passengers")

    share(people, "web", "yes")
    told = read(people.site, token).json()["companions"]
    assert [(each["name"], each["document"]) for each in told] == [
        ("周大", {"type": "passport", "number": "X12345678"})
    ]
    assert people.site.one("SELECT count(*) FROM sso.audit WHERE kind = 'companions_read' AND client_id = 'web'") == 1

    other_client = people.site.browser().tokens("app", scope="openid companions")["access_token"]
    assert read(people.site, other_client).status_code == 403  # consent is for one client
    share(people, "web", "no")
    assert read(people.site, token).status_code == 403


def test_without_the_scope_consent_is_not_enough(people: People) -> None:
    share(people, "web", "yes")
    token = people.site.browser().tokens("web")["access_token"]
    answer = read(people.site, token)
    assert answer.status_code == 403
    assert "insufficient_scope" in answer.headers["www-authenticate"]
    assert httpx.get(f"{people.site.issuer}/companions", trust_env=False).status_code == 401


def test_only_clients_that_may_ask_are_offered_and_allowed(people: People) -> None:
    page = people.me.get("/account/passengers").text
    assert "Allow Railway website" in page
    assert "Railway website system" not in page
    share(people, "channel-web", "yes")
    assert people.site.one("SELECT count(*) FROM sso.companion_consent") == 0


def test_nobody_removes_anothers(people: People) -> None:
    add(people)
    companion_id = str(people.site.one("SELECT companion_id FROM sso.companion"))
    other = signed_in(people.site, OTHER_PHONE, OTHER_PASSWORD)
    token = first_form(other.get("/account/passengers").text)[1]["form_token"]
    other.post("/account/passengers/remove", {"form_token": token, "companion_id": companion_id})
    assert "周大" in people.me.get("/account/passengers").text


def test_those_of_an_old_account_fill_the_room_there_is(people: People) -> None:
    provider = people.site.provider
    with provider.pool.connection() as connection:
        fourteen = [Traveller(f"第{n}", "passport", f"P{n:08d}") for n in range(14)]
        companions.bring(connection, provider.cipher, provider.mint, people.my_id, fourteen, None, provider.clock())
    preview = people.proven_account()
    assert "1 come along, 0 are here already, 1 stay out" in preview.text
    confirmed(people.me, preview)
    assert people.site.one("SELECT count(*) FROM sso.companion WHERE removed_at IS NULL") == 15
