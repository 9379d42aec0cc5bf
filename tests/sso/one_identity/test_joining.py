"""Two accounts of one person: what ends, what moves, what sleeps; parted again by either side."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sso.people import joining
from sso.people.fates import FATES
from tests.sso.harness import PASSWORD, PHONE, STAFF_PASSWORD, Browser, Site, first_form
from tests.sso.one_identity.conftest import OTHER_PASSWORD, OTHER_PHONE, People, confirmed, signed_in
from tests.sso.test_pages import NEW_PHONE

FATES_KNOWN = {"sleeps", "ends", "moves"}


def phones(people: People) -> list[str | None]:
    """The numbers of mine and of the other account."""
    site, found = people.site, []
    for identity_id in (people.my_id, people.other_id):
        sealed = site.one("SELECT phone_sealed FROM sso.identity WHERE identity_id = %s", identity_id)
        found.append(site.provider.cipher.open(sealed) if sealed else None)
    return found


def can_log_in(site: Site, login: str, password: str) -> bool:
    return signed_in(site, login, password).get("/account").status_code == 200


def test_every_table_that_knows_an_identity_has_a_fate(site: Site) -> None:
    with site.provider.pool.connection() as connection:
        rows = connection.execute(
            """SELECT DISTINCT table_name FROM information_schema.columns
               WHERE table_schema = 'sso' AND column_name IN ('identity_id', 'absorbed_identity_id')"""
        ).fetchall()
    has = {table for table, _, _ in FATES} | {"joining"}  # the joining itself
    assert {row[0] for row in rows} <= has, "say in sso/people/fates.py what becomes of these rows at a joining"
    assert {fate for _, fate, _ in FATES} <= FATES_KNOWN


def test_the_other_account_is_shown_joined_and_parted(people: People) -> None:
    people.other()  # is signed in somewhere
    preview = people.proven_other()
    assert "李未（旧）" in preview.text
    assert "Its sign-ins (now: 1)" in preview.text
    assert can_log_in(people.site, OTHER_PHONE, OTHER_PASSWORD)  # nothing has happened yet

    done = confirmed(people.me, preview)
    assert "李未（旧）" in done.text
    assert not can_log_in(people.site, OTHER_PHONE, OTHER_PASSWORD)
    assert people.kinds(people.my_id) == ["accounts_joined"]
    assert people.kinds(people.other_id) == ["account_absorbed"]

    parted = people.me.follow(people.me.submit(people.me.get("/account/links")))
    assert "Parted" in parted.text
    assert can_log_in(people.site, OTHER_PHONE, OTHER_PASSWORD)
    assert people.kinds(people.other_id) == ["account_absorbed", "accounts_parted"]


# --- what is under way at the absorbed account ends: the pre-hijacking attacks, at a joining --------------------------


def test_unexpired_session_of_the_absorbed_account_ends(people: People) -> None:
    """Whoever had a session there (an attacker who opened the account first) is out, and the clients are told."""
    before = people.site.browser()
    code = before.log_in("web", OTHER_PHONE, OTHER_PASSWORD)
    tokens = before.redeem("web", code).json()
    people.join()
    assert before.get("/account").status_code == 303
    refused = people.site.browser().refresh("web", tokens["refresh_token"])
    assert refused.json()["error"] == "invalid_grant"
    assert people.site.deliver_logouts().delivered == 1
    info = people.site.browser().http.get(
        f"{people.site.issuer}/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}
    )
    assert info.status_code == 401


def test_a_code_of_the_absorbed_account_is_not_redeemed_after_the_joining(people: People) -> None:
    other = people.site.browser()
    code = other.log_in("web", OTHER_PHONE, OTHER_PASSWORD)
    people.join()
    assert other.redeem("web", code).json()["error"] == "invalid_grant"


def test_an_unexpired_change_of_the_absorbed_account_is_dropped(people: People) -> None:
    """A phone code that was asked for before the joining opens nothing after it."""
    thief = people.site.browser()
    sent = thief.submit(thief.get("/login?method=code"), phone=OTHER_PHONE)
    code = people.site.gateway.last_code
    people.join()
    assert thief.submit(sent, code=code).status_code == 401


def test_a_trojan_identifier_stays_behind(people: People) -> None:
    """A document that somebody only *said* was theirs does not come along, nor keep its real holder out."""
    other = people.other()
    other.submit(other.get("/account/real-name"), name="周大", document_type="passport", number="X12345678")
    people.join()
    assert people.site.one("SELECT count(*) FROM sso.real_name") == 0


def test_the_absorbed_accounts_password_opens_nothing(people: People) -> None:
    """Classic-federated merge: what an attacker had set on the absorbed account is no way in to the kept one."""
    people.join()
    thief = people.site.browser()
    assert thief.submit(thief.get("/login"), login=OTHER_PHONE, password=OTHER_PASSWORD).status_code == 401
    assert thief.submit(thief.get("/login"), login=PHONE, password=OTHER_PASSWORD).status_code == 401


# --- what moves, and moves back ---------------------------------------------------------------------------------------


def add_companion(browser: Browser, name: str, number: str) -> None:
    form = browser.get("/account/passengers")
    action = f"{browser.site.issuer}/account/passengers"
    token = first_form(form.text)[1]["form_token"]
    typed = {"name": name, "document_type": "passport", "number": number, "ticket_type": "adult"}
    assert browser.http.post(action, data={"form_token": token, **typed}).status_code == 303


def test_links_passengers_and_the_confirmed_name_move_and_move_back(people: People) -> None:
    other = people.other()
    add_companion(people.me, "甲", "A00000001")
    add_companion(other, "乙", "B00000002")
    add_companion(other, "甲又", "A00000001")
    other.submit(other.get("/account/real-name"), name="李未", document_type="resident_id", number="990101199001010019")
    linking = other.submit(other.get("/account/links/new"), channel="web", account="zhou", password="other-password")
    assert linking.status_code == 409  # another person's
    people.join()
    kept = people.me.get("/account/passengers").text
    assert "乙" in kept
    assert "甲又" not in kept
    name = "SELECT state FROM sso.real_name WHERE identity_id = %s"
    assert people.site.one(name, people.my_id) == "verified"

    people.me.submit(people.me.get("/account/links"))
    assert "乙" not in people.me.get("/account/passengers").text
    again = people.other()
    assert "甲又" in again.get("/account/passengers").text
    assert people.site.one(name, people.my_id) is None
    assert people.site.one(name, people.other_id) == "verified"


def test_the_other_number_is_taken_over_and_given_back(people: People) -> None:
    preview = people.proven_other_by_code()
    assert f"Change to {OTHER_PHONE}" in preview.text
    confirmed(people.me, preview, phone="other")
    assert phones(people) == [OTHER_PHONE, PHONE]
    assert can_log_in(people.site, OTHER_PHONE, PASSWORD)
    people.me.submit(people.me.get("/account/links"))
    assert phones(people) == [PHONE, OTHER_PHONE]


def test_a_number_that_only_a_password_vouches_for_is_not_taken_over(people: People) -> None:
    preview = people.proven_other()
    assert "Change to" not in preview.text
    confirmed(people.me, preview, phone="other")
    assert phones(people) == [PHONE, OTHER_PHONE]


def test_a_number_that_was_changed_since_is_not_given_away(people: People) -> None:
    confirmed(people.me, people.proven_other_by_code(), phone="other")
    provider, newer = people.site.provider, NEW_PHONE
    with provider.pool.connection() as connection:
        connection.execute(
            "UPDATE sso.identity SET phone_sealed = %s, phone_blind = %s WHERE identity_id = %s",
            (provider.cipher.seal(newer), provider.cipher.blind(f"phone:{newer}"), people.my_id),
        )
    people.me.submit(people.me.get("/account/links"))
    assert phones(people) == [newer, OTHER_PHONE]


# --- taken back by whoever holds the number ---------------------------------------------------------------------------


def take_back(site: Site, phone: str) -> tuple[int, str]:
    browser = site.browser()
    sent = browser.submit(browser.get("/links/undo"), phone=phone)
    page = browser.submit(sent, code=site.gateway.last_code if site.gateway.sent else "123456")
    return page.status_code, page.text


def test_whoever_holds_the_number_takes_the_account_back(people: People) -> None:
    """A thief who knew the password joined it to theirs: the number undoes it, and the password is forgotten."""
    people.join()
    status, page = take_back(people.site, OTHER_PHONE)
    assert status == 200
    assert "yours again" in page
    assert people.site.gateway.purposes[-1] == "part"
    assert not can_log_in(people.site, OTHER_PHONE, OTHER_PASSWORD)
    browser = people.site.browser()
    people.site.clock.advance(timedelta(minutes=1))
    sent = browser.submit(browser.get("/login?method=code"), phone=OTHER_PHONE)
    browser.submit(sent, code=people.site.gateway.last_code)
    assert browser.get("/account").status_code == 200
    assert people.site.one("SELECT parted_by FROM sso.joining") == "absorbed"


def test_the_number_takes_it_back_also_when_it_was_taken_over(people: People) -> None:
    confirmed(people.me, people.proven_other_by_code(), phone="other")
    people.site.clock.advance(timedelta(minutes=2))
    assert take_back(people.site, OTHER_PHONE)[0] == 200
    assert phones(people) == [PHONE, OTHER_PHONE]


def test_a_number_that_joined_nothing_gets_no_message_and_the_same_page(people: People) -> None:
    browser = people.site.browser()
    known = people.site.gateway.sent[:]
    page = browser.submit(browser.get("/links/undo"), phone=NEW_PHONE)
    assert page.status_code == 200
    assert "Six-digit code" in page.text
    assert people.site.gateway.sent == known


def test_after_thirty_days_nothing_is_parted_and_the_number_is_free(people: People) -> None:
    people.join()
    people.site.clock.advance(timedelta(days=30))
    status, _ = take_back(people.site, OTHER_PHONE)
    assert status == 401
    with people.site.provider.pool.connection() as connection:
        assert joining.settle(connection, people.site.clock()) == 1
        assert joining.settle(connection, people.site.clock()) == 0
    assert phones(people) == [PHONE, None]


def test_a_number_that_is_kept_for_a_sleeping_account_is_not_registered_anew(people: People) -> None:
    people.join()
    browser = people.site.browser()
    sent = browser.submit(browser.get("/register"), phone=OTHER_PHONE)
    details = browser.submit(sent, code=people.site.gateway.last_code)
    refused = browser.submit(details, name="别人", login_name="", password="a-long-password")
    assert refused.status_code == 409
    assert "joined to another" in refused.text


# --- refused ----------------------------------------------------------------------------------------------------------


def test_an_account_is_not_joined_to_itself(people: People) -> None:
    page = people.me.submit(people.me.get("/account/links/join"), login="liwei", password=PASSWORD)
    assert page.status_code == 409


def test_staff_accounts_are_neither_kept_nor_absorbed(people: People) -> None:
    page = people.me.submit(people.me.get("/account/links/join"), login="operator", password=STAFF_PASSWORD)
    assert page.status_code == 403
    staff = signed_in(people.site, "operator", STAFF_PASSWORD)
    page = staff.submit(staff.get("/account/links/join"), login=OTHER_PHONE, password=OTHER_PASSWORD)
    assert page.status_code == 403


def test_guesses_at_the_other_account_lock_it_like_any_guess(people: People) -> None:
    page = people.me.get("/account/links/join")
    answers = [people.me.submit(page, login=OTHER_PHONE, password=f"guess-{n}-long").status_code for n in range(6)]
    assert answers == [401] * 5 + [429]
    assert not can_log_in(people.site, OTHER_PHONE, OTHER_PASSWORD)


def test_an_account_with_a_second_step_is_kept_not_absorbed(people: People) -> None:
    with people.site.provider.pool.connection() as connection:
        connection.execute(
            "INSERT INTO sso.totp (identity_id, secret_sealed, created_at, confirmed_at) VALUES (%s, 'x', %s, %s)",
            (people.other_id, people.site.clock(), people.site.clock()),
        )
    page = people.proven_other()
    assert page.status_code == 409
    assert "second step" in page.text


def test_two_confirmed_documents_are_two_people(people: People) -> None:
    with people.site.provider.pool.connection() as connection:
        for identity_id, blind in ((people.my_id, "one"), (people.other_id, "two")):
            connection.execute(
                """INSERT INTO sso.real_name (identity_id, name_sealed, document_type, number_sealed, number_blind,
                       state, confirmed_by, declared_at, confirmed_at)
                   VALUES (%s, %s, 'passport', %s, %s, 'at_window', 'clerk:x', %s, %s)""",
                (
                    identity_id,
                    people.site.provider.cipher.seal("李未"),
                    people.site.provider.cipher.seal(blind),
                    blind,
                    people.site.clock(),
                    people.site.clock(),
                ),
            )
    assert people.proven_other().status_code == 409


def test_two_who_join_each_other_at_once_make_one(people: People) -> None:
    mine = people.proven_other()
    other = people.other()
    theirs = other.follow(other.submit(other.get("/account/links/join"), login="liwei", password=PASSWORD))
    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(lambda pair: pair[0].submit(pair[1]), [(people.me, mine), (other, theirs)]))
    assert people.site.one("SELECT count(*) FROM sso.joining") == 1
    assert people.site.one("SELECT count(*) FROM sso.identity WHERE joined_to IS NOT NULL") == 1
    assert sorted(each.status_code == 303 and "done=joined" in each.headers["location"] for each in answers) == [
        False,
        True,
    ]
