"""A request that waits for this person's approval: what the page shows of it, and their answer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Response
from psycopg import Connection

from sso import approvals, audit, clients, consents, interactions
from sso.approvals import Approval, Proof
from sso.clients import Client
from sso.incoming import Incoming
from sso.pages.account import Account, Person
from sso.pages.consent import Terms, terms_of
from sso.pages.page import Pages, with_handle
from sso.people import assurance, lockout
from sso.provider import Provider

Problem = tuple[str, dict[str, object]]
"""A sentence of the words, and what fills it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A request as `approval_facts.html` shows it. Times are whole minutes; `terms` only where consent is needed."""

    approval_id: str
    client_name: str
    place: dict[str, str]
    message: str | None
    minutes_ago: int
    minutes_lasting: int
    terms: Terms | None


class Approving:
    """Shows requests and takes answers; the pages decide which request is meant."""

    def __init__(self, provider: Provider, pages: Pages, account: Account) -> None:
        self._provider, self._pages, self._account = provider, pages, account

    def shown(self, connection: Connection, incoming: Incoming, approval: Approval) -> Shown:
        """The request in the words of this person's language."""
        client = clients.load(connection, approval.client_id)
        name = client.name(self._pages.locale(incoming)) if client else approval.client_id
        asks = client is not None and consents.required(client)
        return Shown(
            approval_id=str(approval.approval_id),
            client_name=name,
            place=approval.place,
            message=approval.binding_message,
            minutes_ago=int((self._provider.clock() - approval.created_at).total_seconds() // 60),
            minutes_lasting=whole_minutes(
                self._provider.options.session_span(approvals.SESSION_KINDS[approval.kind]).lifetime
            ),
            terms=terms_of(name, approval.scope, acts=client.may_act) if client and asks else None,
        )

    def second_step(self, connection: Connection, person: Person, approval: Approval, path: str) -> Response | None:
        """Where the person gives one more proof and comes back to `path`, when the client asked for two factors."""
        wanted = [each for each in approval.acr_values if each in (assurance.SINGLE_FACTOR, assurance.MULTI_FACTOR)]
        return self.step_up(connection, person, wanted, path)

    def step_up(self, connection: Connection, person: Person, wanted: Sequence[str], path: str) -> Response | None:
        """The same for any classes that are wanted; None when the session has one of them."""
        if assurance.satisfies(person.session.acr, wanted):
            return None
        provider, waiting = self._provider, interactions.for_page(path)
        handle = interactions.save(
            connection, waiting, False, provider.clock(), provider.options, provider.mint, provider.cipher
        )
        return self._pages.go(with_handle("/login/second", handle))

    def decide(
        self, connection: Connection, incoming: Incoming, person: Person, approval: Approval, path: str
    ) -> Response:
        """The person's answer (`decision`: approve, or anything else to refuse).

        While somebody guesses at this person's login nothing can be approved, only refused.
        """
        now, identity_id = self._provider.clock(), person.identity.identity_id
        session_id, client = person.session.session_id, clients.load(connection, approval.client_id)
        if client is None or incoming.form.get("decision") != "approve":
            approvals.refuse(connection, approval.approval_id, identity_id, session_id, now)
            return self._done(connection, incoming, person, approval, path, "refused")
        if until := lockout.locked(connection, identity_id, now):
            audit.record(
                connection, now, "approval_while_locked", identity_id=identity_id, client_id=approval.client_id
            )
            locked: Problem = ("approval_locked", {"minutes": whole_minutes(until - now)})
            return self._done(connection, incoming, person, approval, path, "refused", 429, locked)
        if further := self.second_step(connection, person, approval, path):
            return further
        session = person.session
        proof = Proof(identity_id, session_id, session.auth_time, session.acr, session.amr)
        if not approvals.approve(connection, approval.approval_id, proof, now):
            return self._done(connection, incoming, person, approval, path, "refused", 410, ("approval_over", {}))
        self._agree(connection, incoming, person, client, approval)
        return self._done(connection, incoming, person, approval, path, "approved")

    def _agree(
        self, connection: Connection, incoming: Incoming, person: Person, client: Client, approval: Approval
    ) -> None:
        if consents.required(client):
            consents.give(
                connection,
                client,
                person.identity.identity_id,
                approval.scope,
                incoming.form.get("term"),
                person.session.session_id,
                self._provider.clock(),
                self._provider.mint,
            )

    def _done(
        self,
        connection: Connection,
        incoming: Incoming,
        person: Person,
        approval: Approval,
        path: str,
        outcome: str,
        status: int = 200,
        problem: Problem | None = None,
    ) -> Response:
        return self._account.render(
            "approval_done",
            incoming,
            person,
            path,
            status=status,
            outcome=outcome,
            problem=problem,
            client_name=self.shown(connection, incoming, approval).client_name,
        )


def whole_minutes(span: timedelta) -> int:
    """Minutes, rounded up, at least one."""
    return max(1, math.ceil(span.total_seconds() / 60))
