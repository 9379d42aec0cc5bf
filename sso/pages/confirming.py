"""What a link or a joining will do, and doing it: once, in the session in which the other side was proven."""

from fastapi import Response
from psycopg import Connection

from sso import sessions
from sso.incoming import Incoming, Row
from sso.pages.account import FRESH, Person, PersonalPages
from sso.pages.link_forms import PREVIEW, holder_of
from sso.pages.page import SESSION
from sso.people import joining, links, proven_sides
from sso.people.links import LINKS_PATH
from sso.people.proofs import ProofRefused
from sso.people.proven_sides import OtherSide


class ConfirmingPages(PersonalPages):
    """Handlers of `/account/links/preview`."""

    def routes(self) -> list[Row]:
        """The addresses of this page."""
        away = self._pages.away
        return [Row("GET", PREVIEW, self.preview, away), Row("POST", PREVIEW, self.confirm, away)]

    def preview(self, incoming: Incoming) -> Response:
        """GET /account/links/preview?p=: what will happen."""
        handle = incoming.query.text("p")

        def page(connection: Connection, person: Person) -> Response:
            try:
                other = proven_sides.look(connection, self._provider, holder_of(person), handle)
                return self._show_preview(incoming, connection, person, other, handle)
            except ProofRefused as refused:
                return self._pages.error(incoming, refused.sentence, refused.sentence, refused.status)

        return self._account.visit(incoming, f"{PREVIEW}?p={handle}", page, FRESH)

    def _show_preview(
        self, incoming: Incoming, connection: Connection, person: Person, other: OtherSide, handle: str
    ) -> Response:
        linked, joined, channel = None, None, ""
        if other.channel:
            linked = links.preview(connection, self._provider, person.identity.identity_id, other)
            channel = self._provider.registers.channel_name(other.channel, self._pages.locale(incoming))
        else:
            joined = joining.preview(connection, self._provider, other)
        path = f"{PREVIEW}?p={handle}"
        return self._account.render(
            "link_preview", incoming, person, path, handle=handle, linked=linked, joined=joined, channel=channel
        )

    def confirm(self, incoming: Incoming) -> Response:
        """POST /account/links/preview: do it. The proof is used up even when it is refused then."""
        handle = incoming.form.text("p")

        def do(connection: Connection, person: Person) -> Response:
            try:
                other = proven_sides.use(connection, self._provider, holder_of(person), handle)
                with connection.transaction():
                    word = self._do(connection, person, other, take_phone=incoming.form.text("phone") == "other")
            except ProofRefused as refused:
                return self._pages.error(incoming, refused.sentence, refused.sentence, refused.status)
            # A cookie that somebody had got hold of before must not lead to what was linked now.
            secret = sessions.renew_cookie(connection, person.session.session_id, self._provider.mint)
            response = self._pages.go(f"{LINKS_PATH}?done={word}")
            self._pages.set_cookie(response, SESSION, secret)
            return response

        return self._account.act(incoming, f"{PREVIEW}?p={handle}", do, FRESH)

    def _do(self, connection: Connection, person: Person, other: OtherSide, *, take_phone: bool) -> str:
        kept_id = person.identity.identity_id
        if other.channel:
            links.link(connection, self._provider, kept_id, other)
            return "linked"
        joining.join(connection, self._provider, kept_id, other, take_phone=take_phone)
        return "joined"
