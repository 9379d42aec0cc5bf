"""What the pages share on which another account is proven: only for somebody who has logged in just now."""

from collections.abc import Callable
from typing import Any

from fastapi import Response

from sso.incoming import Incoming
from sso.pages.account import FRESH, Account, Person
from sso.pages.page import Pages
from sso.people.links import LINKS_PATH
from sso.people.proofs import ProofRefused
from sso.people.proven_sides import Holder

NEW, JOIN, PREVIEW = f"{LINKS_PATH}/new", f"{LINKS_PATH}/join", f"{LINKS_PATH}/preview"


class LinkForms:
    """Forms that hash, or talk to a channel: no transaction is open meanwhile."""

    def __init__(self, account: Account, pages: Pages) -> None:
        self._account, self._pages = account, pages

    def to_preview(self, handle: str) -> Response:
        """To the page that shows what will happen."""
        return self._pages.go(f"{PREVIEW}?p={handle}")

    def guarded(
        self,
        incoming: Incoming,
        path: str,
        prove: Callable[[Person], Response],
        again: Callable[[Person, ProofRefused], Response],
    ) -> Response:
        """Answer with `prove`, or with `again` when it refuses."""
        if not self._pages.form_is_ours(incoming):
            return self._pages.error(incoming, "form_not_ours", "error_form", 403)
        person = self._account.signed_in(incoming, path, FRESH)
        if isinstance(person, Response):
            return person
        try:
            return prove(person)
        except ProofRefused as refused:
            return again(person, refused)

    def refusable(
        self,
        incoming: Incoming,
        person: Person,
        name: str,
        path: str,
        refused: ProofRefused | None,
        **values: Any,
    ) -> Response:
        """The page `name`, with what was refused, if anything."""
        problem = (refused.sentence, refused.values) if refused else None
        status = refused.status if refused else 200
        return self._account.render(name, incoming, person, path, problem=problem, status=status, **values)


def holder_of(person: Person) -> Holder:
    """In whose name, and in which session, a proof is kept."""
    return Holder(person.identity.identity_id, person.session.session_id)


def one_of(known: tuple[str, ...], asked: str) -> str:
    """What was asked for, if there is such a thing; else the first."""
    return asked if asked in known else known[0]
