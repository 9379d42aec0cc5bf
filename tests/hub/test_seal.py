"""Sealing: keys of people, messages of several people, field keys that change under our feet."""

from __future__ import annotations

import base64
import os
from itertools import combinations

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from hub.store.keyring import LOOK_AGAIN_SECONDS, Keyring, key_id
from hub.store.seal import Seal
from hub.store.subject_keys import SubjectKey, head_of, open_raw, seal_raw, subject_of, subjects_in

BLIND = b"b" * 32
OLD, NEW = b"o" * 32, b"n" * 32


def person(number: int) -> SubjectKey:
    return SubjectKey(f"{number:032x}", bytes([number]) * 32)


@given(st.text(max_size=400))
def test_one_text_of_one_person_has_one_sealed_form(text: str) -> None:
    one, two = person(1), person(2)
    sealed = one.seal(text)
    assert sealed == SubjectKey(one.subject, one.key).seal(text)
    assert sealed != two.seal(text)
    assert one.open(sealed) == text
    assert subject_of(sealed) == one.subject
    assert subjects_in(f'{{"name":"{sealed}"}}') == {one.subject}
    with pytest.raises(InvalidTag):
        two.open(two.seal("")[:42] + sealed[42:])


def test_what_is_not_under_a_persons_key_is_nobodys() -> None:
    assert subject_of("sealed:1:00ff:99***15:abc") is None
    assert subject_of("sealed:3:00ff0011:abc") is None
    assert subject_of("clear") is None


@pytest.mark.parametrize("number", [1, 2, 5])
def test_a_message_opens_only_with_everybodys_key(number: int) -> None:
    people = {key.subject: key for key in map(person, range(1, number + 1))}
    raw = b"they travel together"
    sealed = seal_raw(list(people.values())[::-1], raw, os.urandom)
    assert raw not in sealed
    head = head_of(sealed)
    assert head is not None
    assert set(head.subjects) == set(people)
    assert open_raw(people, sealed) == raw
    for some in combinations(people.values(), number - 1):
        assert open_raw({key.subject: key for key in some}, sealed) is None
    others = {subject: SubjectKey(subject, b"x" * 32) for subject in people}
    with pytest.raises(InvalidTag):
        open_raw(others, sealed)
    with pytest.raises(InvalidTag):
        open_raw(people, sealed[:-1] + bytes([sealed[-1] ^ 1]))


def test_a_head_cannot_be_exchanged() -> None:
    """Whose message it is belongs to what is sealed: nobody is erased in place of somebody else."""
    one, two = person(1), SubjectKey(person(2).subject, person(1).key)
    sealed = seal_raw([one], b"his", os.urandom)
    moved = sealed.replace(bytes.fromhex(one.subject), bytes.fromhex(two.subject))
    with pytest.raises(InvalidTag):
        open_raw({two.subject: two}, moved)


class Keys:
    """A key file, and time that goes when it is told to."""

    def __init__(self, *keys: bytes) -> None:
        self.keys, self.now, self.lost = keys, 0.0, False

    def load(self) -> tuple[bytes, ...]:
        if self.lost:
            raise FileNotFoundError("keys/field")
        return self.keys

    def ring(self) -> Keyring:
        return Keyring(self.load, lambda: self.now)


def test_a_running_process_learns_of_a_new_key_within_a_second() -> None:
    file = Keys(OLD)
    seal = Seal(file.ring(), BLIND)
    before = seal.seal("whsec_x")
    file.keys = (NEW, OLD)
    assert key_id(OLD).hex() in seal.seal("whsec_x")
    file.now += LOOK_AGAIN_SECONDS * 1.1
    assert key_id(NEW).hex() in seal.seal("whsec_x")
    assert seal.open(before) == "whsec_x"


def test_what_another_process_sealed_under_a_newer_key_opens_at_once() -> None:
    file = Keys(OLD)
    here = Seal(file.ring(), BLIND)
    file.keys = (NEW, OLD)
    elsewhere = Seal(file.ring(), BLIND)
    assert here.open(elsewhere.seal("whsec_x")) == "whsec_x"
    assert here.open_bytes(elsewhere.seal_bytes(b"key", b"row"), b"row") == b"key"


def test_a_key_file_that_is_lost_is_never_replaced_by_another_key() -> None:
    file = Keys(OLD)
    seal = Seal(file.ring(), BLIND)
    file.lost = True
    file.now += 10
    assert key_id(OLD).hex() in seal.seal("whsec_x")
    with pytest.raises(FileNotFoundError):
        file.ring()


def test_a_forgotten_key_opens_nothing() -> None:
    sealed = Seal(OLD, BLIND).seal("whsec_x")
    with pytest.raises(InvalidTag):
        Seal(NEW, BLIND).open(sealed)


def test_what_belongs_to_a_row_opens_in_no_other() -> None:
    seal = Seal(OLD, BLIND)
    with pytest.raises(InvalidTag):
        seal.open_bytes(seal.seal_bytes(b"key", b"one row"), b"another row")


def test_texts_of_before_there_were_key_ids_open_under_any_key() -> None:

    nonce = b"0" * 12
    cipher = nonce + AESGCM(OLD).encrypt(nonce, "李未".encode(), None)
    both = Seal(Keyring.of(NEW, OLD), BLIND)
    assert both.open(f"sealed:1:00ff:***:{base64.urlsafe_b64encode(cipher).decode()}") == "李未"
    assert both.open_bytes(cipher) == "李未".encode()
