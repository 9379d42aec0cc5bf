"""Both sides are told, each under the number it had, with the way to undo it."""

from __future__ import annotations

from tests.sso.harness import PHONE
from tests.sso.one_identity.conftest import OTHER_PHONE, People, confirmed


def test_both_numbers_hear_of_a_joining_though_one_is_taken_over(people: People) -> None:
    confirmed(people.me, people.proven_other_by_code(), phone="other")
    people.site.gateway.tell_due(people.site)
    told = {phone: (kind, text) for phone, kind, text in people.site.gateway.told}
    assert told[PHONE][0] == "accounts_joined"
    assert f"{people.site.issuer}/account/links" in told[PHONE][1]
    assert told[OTHER_PHONE][0] == "account_absorbed"
    assert f"{people.site.issuer}/links/undo" in told[OTHER_PHONE][1]
    assert "李*" in told[OTHER_PHONE][1]


def test_links_names_and_partings_are_told_in_words(people: People) -> None:
    confirmed(people.me, people.proven_account())
    people.me.submit(people.me.get("/account/links"))
    people.join()
    people.me.submit(people.me.get("/account/links"))
    people.me.submit(
        people.me.get("/account/real-name"), name="李未", document_type="resident_id", number="990101199001010019"
    )
    people.site.gateway.tell_due(people.site)
    kinds = sorted(kind for phone, kind, _ in people.site.gateway.told if phone == PHONE)  # all at one moment
    assert kinds == ["account_linked", "account_unlinked", "accounts_joined", "accounts_parted", "real_name_confirmed"]
    linked = next(text for _, kind, text in people.site.gateway.told if kind == "account_linked")
    assert "铁路网站" in linked
    assert not any("{" in text for _, _, text in people.site.gateway.told)
