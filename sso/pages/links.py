"""My linked accounts: what is linked and joined, and linking an old account of a channel.

What is true is decided in `sso.people.links` and `sso.people.joining`; a deed is shown and done in `confirming`.
"""

from uuid import UUID

from fastapi import Response
from psycopg import Connection

from sso.incoming import Incoming, Row
from sso.pages.account import FRESH, Person, PersonalPages
from sso.pages.link_forms import NEW, holder_of, one_of, to_preview
from sso.pages.times import written
from sso.people import account_proofs, joining, links, real_names
from sso.people.links import LINKS_PATH
from sso.people.proofs import ProofRefused

WAYS = ("password", "code", "window")
DONE = ("linked", "undone", "joined", "parted", "late")


class LinkPages(PersonalPages):
    """Handlers below `/account/links`. Each is synchronous and runs in the thread pool."""

    def routes(self) -> list[Row]:
        """The addresses of these pages."""
        away = self._pages.away
        return [
            Row("GET", LINKS_PATH, self.show, away),
            Row("POST", f"{LINKS_PATH}/undo", self.undo, away),
            Row("POST", f"{LINKS_PATH}/part", self.part, away),
            Row("GET", NEW, self.new, away),
            Row("POST", NEW, self.prove, away),
            Row("POST", f"{NEW}/code", self.prove_by_code, away),
        ]

    # --- what is linked -----------------------------------------------------------------------------------------

    def show(self, incoming: Incoming) -> Response:
        """GET /account/links."""

        def page(connection: Connection, person: Person) -> Response:
            now, identity_id = self._provider.clock(), person.identity.identity_id
            name = real_names.of(connection, self._provider.cipher, identity_id)
            locale = self._pages.locale(incoming)
            linked = [
                {
                    "id": each.link_id,
                    "channel": self._provider.registers.channel_name(each.channel, locale),
                    "label": each.label,
                    "proof": f"proof_{each.proof}",
                    "since": written(each.linked_at),
                    "until": written(each.undo_until) if each.undo_until > now else None,
                    "waiting": each.told != "absorbed",
                }
                for each in links.of_identity(connection, identity_id)
            ]
            joined = [
                {
                    "id": each.joining_id,
                    "name": each.name,
                    "since": written(each.joined_at),
                    "until": written(each.undo_until),
                }
                for each in joining.of_identity(connection, identity_id, now)
            ]
            done = incoming.query.text("done")
            return self._account.render(
                "links",
                incoming,
                person,
                LINKS_PATH,
                linked=linked,
                joined=joined,
                state=f"real_name_{name.state}" if name else "real_name_none",
                done=f"links_done_{done}" if done in DONE else None,
            )

        return self._account.visit(incoming, LINKS_PATH, page)

    def undo(self, incoming: Incoming) -> Response:
        """POST /account/links/undo: take a link back."""

        def take_back(connection: Connection, person: Person) -> Response:
            link_id = _uuid(incoming.form.text("link_id"))
            undone = link_id and links.undo(connection, self._provider, person.identity.identity_id, link_id)
            return self._done("undone" if undone else "late")

        return self._account.act(incoming, LINKS_PATH, take_back, FRESH)

    def part(self, incoming: Incoming) -> Response:
        """POST /account/links/part: part a joined account from this one again."""

        def take_back(connection: Connection, person: Person) -> Response:
            joining_id = _uuid(incoming.form.text("joining_id"))
            kept_id = person.identity.identity_id
            parted = joining_id and joining.part(connection, self._provider, joining_id, joining.KEPT, kept_id)
            return self._done("parted" if parted else "late")

        return self._account.act(incoming, LINKS_PATH, take_back, FRESH)

    def _done(self, word: str) -> Response:
        return self._pages.go(f"{LINKS_PATH}?done={word}")

    # --- the other side: an old account of a channel ------------------------------------------------------------

    def new(self, incoming: Incoming) -> Response:
        """GET /account/links/new: which account, and how it is proven (`way` = password, code or window)."""
        way = one_of(WAYS, incoming.query.text("way"))
        person = self._account.signed_in(incoming, NEW, FRESH)
        return person if isinstance(person, Response) else self._form(incoming, person, way)

    def prove(self, incoming: Incoming) -> Response:
        """POST /account/links/new: password, request for a code, or the code of a clerk."""
        way, form = one_of(WAYS, incoming.form.text("way")), incoming.form
        channel, account = form.text("channel"), form.text("account")[:200]

        def prove(person: Person) -> Response:
            holder = holder_of(person)
            if way == "window":
                return to_preview(self._pages, account_proofs.by_voucher(self._provider, holder, form.text("voucher")))
            if way == "code":
                sent = account_proofs.send_code(self._provider, holder, channel, account)
                return self._code_form(incoming, person, channel=channel, account=account, sent=sent)
            proven = account_proofs.by_password(self._provider, holder, channel, account, form.text("password"))
            return to_preview(self._pages, proven)

        return self._account.slowly(
            incoming, NEW, prove, lambda person, refused: self._form(incoming, person, way, refused)
        )

    def prove_by_code(self, incoming: Incoming) -> Response:
        """POST /account/links/new/code: the code that the channel has sent."""
        typed = {name: incoming.form.text(name)[:2000] for name in ("channel", "account", "sent")}

        def prove(person: Person) -> Response:
            code = incoming.form.text("code")
            return to_preview(
                self._pages, account_proofs.by_code(self._provider, holder_of(person), **typed, code=code)
            )

        def again(person: Person, refused: ProofRefused) -> Response:
            return self._code_form(incoming, person, refused, **typed)

        return self._account.slowly(incoming, NEW, prove, again)

    def _form(self, incoming: Incoming, person: Person, way: str, refused: ProofRefused | None = None) -> Response:
        locale = self._pages.locale(incoming)
        channels = self._provider.registers.channels
        offered = {
            name: channel.name(locale)
            for name, channel in channels.items()
            if way == "window" or getattr(channel, way) is not None
        }
        values = {"ways": WAYS, "way": way, "channels": offered, "any_channel": bool(channels)}
        typed = {name: incoming.form.text(name) for name in ("channel", "account")}
        return self._account.render("link_new", incoming, person, NEW, refused, typed=typed, **values)

    def _code_form(
        self, incoming: Incoming, person: Person, refused: ProofRefused | None = None, **values: str
    ) -> Response:
        fields = {
            "action": f"{NEW}/code",
            "heading": "link_title",
            "line": "link_code_sent",
            "filled": {},
            "hidden": values,
        }
        return self._account.render("link_code", incoming, person, NEW, refused, **fields)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
