"""What the pages share on which another account is proven."""

from fastapi import Response

from sso.pages.account import Person
from sso.pages.page import Pages
from sso.people.links import LINKS_PATH
from sso.people.proven_sides import Holder

NEW, JOIN, PREVIEW = f"{LINKS_PATH}/new", f"{LINKS_PATH}/join", f"{LINKS_PATH}/preview"


def to_preview(pages: Pages, handle: str) -> Response:
    """To the page that shows what will happen."""
    return pages.go(f"{PREVIEW}?p={handle}")


def holder_of(person: Person) -> Holder:
    """In whose name, and in which session, a proof is kept."""
    return Holder(person.identity.identity_id, person.session.session_id)


def one_of(known: tuple[str, ...], asked: str) -> str:
    """What was asked for, if there is such a thing; else the first."""
    return asked if asked in known else known[0]
