"""Real names: check digits, the register, one confirmed holder, the window."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.identifiers import resident_id
from sso.people import documents, links, real_names
from sso.people.proofs import ProofRefused
from tests.sso.harness import first_form
from tests.sso.one_identity.channels import ME, Ministry
from tests.sso.one_identity.conftest import People

STATE = "SELECT state FROM sso.real_name WHERE identity_id = %s"


@given(st.from_regex(r"\A[0-9]{17}[0-9Xx]\Z") | st.text(max_size=20))
def test_our_own_rule_for_resident_ids_and_the_contracts_agree(value: str) -> None:
    """The provider imports nothing of ours, so the rule of GB 11643 stands twice; here they are held together."""
    ours = theirs = None
    try:
        ours = documents.resident_id(value)
    except ValueError:
        ours = None
    try:
        theirs = resident_id.validate(value.replace("-", ""))
    except ValueError:
        theirs = None
    assert ours == theirs or not value.isascii()


@given(st.integers(0, 9999), st.integers(0, 999), st.dates())
def test_every_true_number_is_one(region: int, sequence: int, birthday: object) -> None:
    first = f"99{region:04d}{str(birthday).replace('-', '')}{sequence:03d}"
    number = first + resident_id.check_digit(first)
    assert documents.resident_id(f"{number[:6]} {number[6:14]}-{number[14:].lower()}") == number


@pytest.mark.parametrize(
    ("kind", "number", "clean"),
    [
        ("resident_id", "990101199001010010", None),  # check character
        ("resident_id", "990101199002300019", None),  # 30 February
        ("passport", "x1234 5678", "X12345678"),
        ("passport", "1", None),
        ("taiwan_permit", "12345678", "12345678"),
        ("hk_macau_permit", "h12345678", "H12345678"),
        ("foreign_permanent_resident", "ABC123456789012", "ABC123456789012"),
        ("driving_licence", "12345678", None),
    ],
)
def test_numbers_are_cleaned_or_refused(kind: str, number: str, clean: str | None) -> None:
    if clean is None:
        with pytest.raises(documents.DocumentRefused):
            documents.compact(documents.DOCUMENT_RULES, kind, number)
    else:
        assert documents.compact(documents.DOCUMENT_RULES, kind, number) == clean


def declare(people: People, *, name: str = ME[0], kind: str = ME[1], number: str = ME[2]) -> httpx.Response:
    token = first_form(people.me.get("/account/links/join").text)[1][
        "form_token"
    ]  # the page of a confirmed has no form
    typed = {"name": name, "document_type": kind, "number": number}
    return people.me.post("/account/real-name", {"form_token": token, **typed})


def test_the_register_confirms_and_the_page_masks(people: People) -> None:
    assert declare(people).status_code == 303
    page = people.me.get("/account/real-name").text
    assert "confirmed by the register" in page
    assert "**************0019" in page
    assert ME[2] not in page
    assert people.kinds(people.my_id) == ["real_name_confirmed"]
    provider = people.site.provider
    with provider.pool.connection() as connection:
        assert links.known_as(connection, provider.cipher, people.my_id).document == (ME[1], ME[2])
        assert real_names.holder(connection, provider.cipher, ME[1], ME[2]) == people.my_id


def test_a_wrong_check_character_is_refused_before_anybody_is_asked(people: People, ministry: Ministry) -> None:
    ministry.away = True
    page = declare(people, number="990101199001010010")
    assert page.status_code == 400
    assert "Check every character" in page.text


def test_the_register_says_no(people: People) -> None:
    page = declare(people, name="周大")
    assert page.status_code == 422
    assert people.site.one(STATE, people.my_id) is None


@pytest.mark.parametrize("away", [True, False])
def test_what_nobody_confirms_stays_unverified_and_opens_nothing(
    people: People, ministry: Ministry, *, away: bool
) -> None:
    ministry.away = away
    kind, number = ("resident_id", ME[2]) if away else ("passport", "X12345678")
    assert declare(people, kind=kind, number=number).status_code == 303
    assert people.site.one(STATE, people.my_id) == "unverified"
    assert "station window" in people.me.get("/account/real-name").text
    provider = people.site.provider
    with provider.pool.connection() as connection:
        assert links.known_as(connection, provider.cipher, people.my_id).document is None
        assert real_names.holder(connection, provider.cipher, kind, number) is None


def test_saying_it_first_does_not_make_it_yours(people: People, ministry: Ministry) -> None:
    """A number that somebody has only declared is confirmed for its holder, and the claim is gone."""
    ministry.away = True
    declare(people)
    ministry.away = False
    real_names.declare(people.site.provider, people.other_id, *ME)
    assert people.site.one(STATE, people.other_id) == "verified"
    assert people.site.one(STATE, people.my_id) is None
    refused = declare(people)
    assert refused.status_code == 409
    assert "Another account has this document" in refused.text


def test_a_confirmed_name_changes_at_a_window_only(people: People) -> None:
    declare(people)
    assert declare(people, kind="passport", number="X12345678").status_code == 409
    provider = people.site.provider
    clerk = people.site.one("SELECT identity_id FROM sso.identity WHERE login_name = 'operator'")
    with provider.pool.connection() as connection:
        passport = {"name": "LI WEI", "document_type": "passport", "number": "X12345678"}
        with pytest.raises(ProofRefused, match="own_document"):
            real_names.confirm_at_window(connection, provider, people.my_id, people.my_id, **passport)
        real_names.confirm_at_window(connection, provider, people.my_id, clerk, **passport)
    assert people.site.one(STATE, people.my_id) == "at_window"
    with provider.pool.connection() as connection:
        assert real_names.holder(connection, provider.cipher, ME[1], ME[2]) is None
        with pytest.raises(ProofRefused, match="document_taken"):
            real_names.confirm_at_window(connection, provider, people.other_id, clerk, **passport)


def test_the_form_is_no_way_to_find_out_whose_number_is_whose(people: People) -> None:
    answers = [declare(people, name=f"甲{n}").status_code for n in range(6)]
    assert answers == [422] * 5 + [429]
    assert declare(people).status_code == 429
