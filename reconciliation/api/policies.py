"""Policies over HTTP: which one holds, what it would do, and how another one comes to hold: by two people."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from reconciliation.api.who import Reason, Who
from reconciliation.policies import Policy, findings
from reconciliation.runs import Reconciler
from schemas.problems import ProblemError, problem

Name = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,60}$")]
Version = Annotated[str, Path(max_length=40)]


class PolicyProposal(BaseModel):
    """The whole text of a policy (YAML), and why it is to hold from now on."""

    model_config = ConfigDict(extra="forbid")

    document: Annotated[str, Field(min_length=1, max_length=200_000)]
    reason: Reason


def policy_routes(router: APIRouter, reconciler: Reconciler, who: Who) -> None:
    """``/policies``."""

    @router.get("/policies", dependencies=[Depends(who.reader)])
    def list_policies() -> dict[str, Any]:
        """Every version that was proposed and what became of it, and which policies the pairs go by now."""
        names = sorted({d.policy for d in reconciler.definitions().values()})
        in_force = {name: _in_force(reconciler, name).digest for name in names}
        return {"in_force": in_force, "versions": reconciler.policies.versions()}

    @router.get("/policies/{name}", dependencies=[Depends(who.reader)])
    def one_policy(name: Name) -> dict[str, Any]:
        """The policy that holds now, and what is odd about it."""
        holds = _in_force(reconciler, name)
        odd = [asdict(finding) for finding in findings(holds, reconciler.definitions())]
        return {"digest": holds.digest, "policy": holds.model_dump(mode="json"), "findings": odd}

    @router.get("/policies/{name}/trial/{business_date}", dependencies=[Depends(who.reader)])
    def trial(name: Name, business_date: date) -> dict[str, Any]:
        """What the policy would do with the open breaks of a date, rule by rule. Nothing is written."""
        holds = _in_force(reconciler, name)
        wanted = [d for d in reconciler.definitions().values() if d.policy == name]
        made = reconciler.resolver.trial(holds, wanted, business_date, reconciler.kept_parts)
        totals = [{"rule": rule, **asdict(total)} for (rule, _), total in sorted(made.totals.items())]
        return {"policy": holds.title, "totals": totals, "steps": [step.to_json() for step in made.steps]}

    @router.post("/policies", status_code=201)
    def propose_policy(proposal: PolicyProposal, person: Annotated[str, Depends(who.resolver)]) -> Mapping[str, Any]:
        """Propose a policy's text. It holds when somebody else has agreed to exactly this text."""
        return reconciler.policies.propose(proposal.document, proposal.reason, person)

    @router.post("/policies/{name}/{version}/approve")
    def approve_policy(
        name: Name, version: Version, person: Annotated[str, Depends(who.approver)]
    ) -> Mapping[str, Any]:
        """Agree to somebody else's policy: it holds from the next run on."""
        return reconciler.policies.decide(name, version, person, agree=True)

    @router.post("/policies/{name}/{version}/reject")
    def reject_policy(name: Name, version: Version, person: Annotated[str, Depends(who.resolver)]) -> Mapping[str, Any]:
        """Turn down somebody else's policy."""
        return reconciler.policies.decide(name, version, person, agree=False)


def _in_force(reconciler: Reconciler, name: str) -> Policy:
    try:
        return reconciler.policies.in_force(name)
    except FileNotFoundError:
        raise ProblemError(problem("not_found", f"There is no policy {name}.")) from None
