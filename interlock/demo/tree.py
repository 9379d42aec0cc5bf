"""A person's sessions as the provider keeps them: trees, whose root is a browser or an app."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from sso import Provider, sessions
from sso.people import identities


@dataclass(slots=True)
class Branch:
    """A session, the clients that take part in it, and the sessions that were approved in it."""

    session_id: UUID
    identity_id: UUID
    kind: str
    clients: list[str]
    below: list["Branch"] = field(default_factory=list)

    def walked(self) -> Iterator["Branch"]:
        """This session and all below it."""
        yield self
        for branch in self.below:
            yield from branch.walked()


def grown(provider: Provider, login: str) -> list[Branch]:
    """The trees of who has this login, oldest first; only living sessions."""
    with provider.pool.connection() as connection:
        person = identities.by_login(connection, provider.cipher, login)
        if person is None:
            return []
        live = sessions.of_identity(connection, person.identity_id, provider.clock(), provider.options)[::-1]
        branches = {
            s.session_id: Branch(s.session_id, s.identity_id, s.kind, sessions.client_ids(connection, s.session_id))
            for s in live
        }
    roots: list[Branch] = []
    for session in live:
        above = branches.get(session.parent_id) if session.parent_id else None
        (roots if above is None else above.below).append(branches[session.session_id])
    return roots
