"""Old accounts of a channel: both sides proven, shown first, done once, told to the channel, undone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx

from sso.people import account_proofs, links
from tests.sso.harness import STAFF_PASSWORD, Site, first_form
from tests.sso.one_identity.channels import OldChannel
from tests.sso.one_identity.conftest import OTHER_PASSWORD, OTHER_PHONE, People, confirmed, signed_in


def tell(site: Site) -> links.Told:
    provider = site.provider
    return links.tell_channels(provider.pool, site.clock, provider.cipher, provider.registers.channels)


def standing(site: Site) -> int:
    return int(site.one("SELECT count(*) FROM sso.linked_account WHERE ended_at IS NULL"))


def test_an_old_account_is_shown_linked_and_undone(people: People, channel: OldChannel) -> None:
    preview = people.proven_account()
    assert "li***" in preview.text
    assert "opened 2014-05-01" in preview.text
    assert "2 come along, 0 are here already, 0 stay out" in preview.text
    assert standing(people.site) == 0

    done = confirmed(people.me, preview)
    assert "Railway website · li***" in done.text
    assert tell(people.site) == links.Told(1, 0)
    assert channel.told == [("absorb", "acc-1")]
    assert "李小未" in people.me.get("/account/passengers").text

    undone = people.me.follow(people.me.submit(people.me.get("/account/links")))
    assert "The link is undone" in undone.text
    assert tell(people.site) == links.Told(1, 0)
    assert channel.told[1:] == [("release", "acc-1")]
    assert "李小未" not in people.me.get("/account/passengers").text
    assert people.kinds(people.my_id) == ["account_linked", "account_unlinked"]


def test_it_is_undone_for_thirty_days(people: People) -> None:
    confirmed(people.me, people.proven_account())
    people.site.clock.advance(timedelta(days=30))
    assert "undo" not in signed_in(people.site, "liwei", "slow-train-to-lhasa").get("/account/links").text.lower()
    with people.site.provider.pool.connection() as connection:
        [link] = links.of_identity(connection, people.my_id)
        assert not links.undo(connection, people.site.provider, people.my_id, link.link_id)


def test_the_channels_code_proves_it_too(people: People) -> None:
    page = people.me.get("/account/links/new", way="code")
    sent = people.me.submit(page, channel="web", account="li")
    wrong = people.me.submit(sent, code="000000")
    assert wrong.status_code == 401
    again = people.me.submit(people.me.get("/account/links/new", way="code"), channel="web", account="li")
    confirmed(people.me, people.me.follow(people.me.submit(again, code="424242")))
    assert people.site.one("SELECT proof FROM sso.linked_account") == "code"


def test_a_clerk_who_has_seen_the_document_vouches_once(people: People) -> None:
    provider = people.site.provider
    clerk = people.site.one("SELECT identity_id FROM sso.identity WHERE login_name = 'operator'")
    found, code = account_proofs.vouch(provider, clerk, "phone", "li")
    assert found.account_id == "acc-1"
    page = people.me.get("/account/links/new", way="window")
    confirmed(people.me, people.me.follow(people.me.submit(page, voucher=code)))
    assert people.site.one("SELECT channel || ' ' || proof FROM sso.linked_account") == "phone window"
    assert people.me.submit(page, voucher=code).status_code == 401


def test_a_clerk_does_not_vouch_for_himself_nor_for_longer_than_five_minutes(people: People) -> None:
    provider = people.site.provider
    _, own = account_proofs.vouch(provider, people.my_id, "phone", "li")
    page = people.me.get("/account/links/new", way="window")
    assert people.me.submit(page, voucher=own).status_code == 401
    _, code = account_proofs.vouch(provider, people.other_id, "phone", "li")
    people.site.clock.advance(timedelta(minutes=5))
    people.me = signed_in(people.site, "liwei", "slow-train-to-lhasa")
    assert people.me.submit(people.me.get("/account/links/new", way="window"), voucher=code).status_code == 401


def test_wrong_passwords_pause_linking_and_nothing_else(people: People) -> None:
    page = people.me.get("/account/links/new")
    answers = [people.me.submit(page, channel="web", account="li", password=f"guess-{n}") for n in range(6)]
    assert [each.status_code for each in answers] == [401] * 5 + [429]
    assert people.me.submit(page, channel="web", account="li", password="old-password").status_code == 429
    assert signed_in(people.site, "liwei", "slow-train-to-lhasa").get("/account").status_code == 200


def test_an_account_is_linked_once_however_many_prove_it(people: People) -> None:
    mine = people.proven_account()
    other = people.other()
    theirs = other.follow(
        other.submit(other.get("/account/links/new"), channel="web", account="li", password="old-password")
    )
    confirmed(people.me, mine)
    refused = other.submit(theirs)
    assert refused.status_code == 409
    assert "linked to another account" in refused.text
    assert people.proven_account().status_code == 409
    assert standing(people.site) == 1


def test_a_proof_is_good_once_in_its_session_for_five_minutes(people: People) -> None:
    preview = people.proven_account()
    address = str(preview.url)
    stolen = signed_in(people.site, "liwei", "slow-train-to-lhasa")  # the same person, elsewhere
    assert stolen.http.get(address).status_code == 410
    people.site.clock.advance(timedelta(minutes=5, seconds=1))
    late = people.me.follow(people.me.submit(preview))
    assert "Sign in" in late.text
    came_back = people.me.follow(people.me.submit(late, login="liwei", password="slow-train-to-lhasa"))
    assert came_back.status_code == 410
    fresh = people.proven_account()
    confirmed(people.me, fresh)
    assert people.me.submit(fresh).status_code == 410


def test_of_eight_confirmations_at_once_one_links(people: People) -> None:
    preview = people.proven_account()
    action, fields = first_form(preview.text)
    cookies = dict(people.me.http.cookies)

    def confirm(_: int) -> str:
        answer = httpx.post(action, data=fields, cookies=cookies, trust_env=False)
        return str(answer.headers.get("location", ""))

    with ThreadPoolExecutor(8) as eight:
        assert sum("done=linked" in each for each in eight.map(confirm, range(8))) == 1
    assert standing(people.site) == 1


def test_both_sides_are_fresh(people: People) -> None:
    people.site.clock.advance(timedelta(minutes=5, seconds=1))
    page = people.me.follow(people.me.get("/account/links/new"))
    assert "<h1>Sign in</h1>" in page.text


def test_the_cookie_changes_at_a_link(people: People) -> None:
    preview = people.proven_account()
    before = people.me.http.cookies["sso_session"]
    confirmed(people.me, preview)
    assert people.me.http.cookies["sso_session"] != before
    thief = people.site.browser()
    thief.http.cookies.set("sso_session", before)
    assert thief.get("/account/links").status_code == 303


def test_an_account_of_another_person_is_refused(people: People) -> None:
    people.me.submit(
        people.me.get("/account/real-name"), name="李未", document_type="resident_id", number="990101199001010019"
    )
    refused = people.proven_account("zhou", "other-password")
    assert refused.status_code == 409
    assert "another person" in refused.text
    assert people.proven_account().status_code == 200


def test_what_a_channel_says_about_a_person_is_not_verified(people: People) -> None:
    """The non-verifying provider: the old account carries a document, the identity gets none from it."""
    confirmed(people.me, people.proven_account())
    assert people.site.one("SELECT count(*) FROM sso.real_name") == 0
    provider = people.site.provider
    with provider.pool.connection() as connection:
        known = links.known_as(connection, provider.cipher, people.my_id)
    assert known.document is None
    assert known.accounts == (("web", "acc-1"),)


def test_a_channel_that_is_away_is_told_later_and_hears_only_what_is_so(people: People, channel: OldChannel) -> None:
    confirmed(people.me, people.proven_account())
    channel.away = True
    assert tell(people.site) == links.Told(0, 1)
    assert tell(people.site) == links.Told(0, 0)
    people.me.submit(people.me.get("/account/links"))
    channel.away = False
    people.site.clock.advance(timedelta(minutes=2))
    assert tell(people.site) == links.Told(1, 0)
    assert channel.told == [("release", "acc-1")]


def test_a_channel_that_is_away_is_said_to_be(people: People, channel: OldChannel) -> None:
    channel.away = True
    page = people.proven_account()
    assert page.status_code == 503
    assert "does not answer" in page.text


def test_nobody_undoes_anothers_link(people: People) -> None:
    confirmed(people.me, people.proven_account())
    _, mine = first_form(people.me.get("/account/links").text)
    other = signed_in(people.site, OTHER_PHONE, OTHER_PASSWORD)
    token = first_form(other.get("/account/links/new").text)[1]["form_token"]
    answer = other.post("/account/links/undo", {"form_token": token, "link_id": mine["link_id"]})
    assert answer.headers["location"].endswith("?done=late")
    assert standing(people.site) == 1


def test_a_form_from_elsewhere_links_nothing(people: People) -> None:
    preview = people.proven_account()
    action, fields = first_form(preview.text)
    assert people.me.http.post(action, data={**fields, "form_token": "x" * 43}).status_code == 403
    assert people.me.http.post(action, data=fields, headers={"Origin": "https://evil.test"}).status_code == 403
    assert standing(people.site) == 0


def test_staff_pages_stay_closed_to_passengers_accounts(people: People) -> None:
    """A staff account may link nothing by joining; see also test_joining."""
    staff = signed_in(people.site, "operator", STAFF_PASSWORD)
    page = staff.submit(staff.get("/account/links/join"), login=OTHER_PHONE, password=OTHER_PASSWORD)
    assert page.status_code == 403
