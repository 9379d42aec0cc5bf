"""``/v1/recon`` over HTTP: one file for each noun. Who may call is decided by the house, passed in (``who``)."""

from fastapi import APIRouter

from reconciliation.api.breaks import break_routes
from reconciliation.api.closings import closing_routes
from reconciliation.api.confirmations import confirmation_routes
from reconciliation.api.exchange import exchange_routes
from reconciliation.api.policies import policy_routes
from reconciliation.api.resolutions import resolution_routes
from reconciliation.api.runs import run_routes
from reconciliation.api.who import Authorise, Scope, Who
from reconciliation.runs import Reconciler

__all__ = ["Authorise", "Scope", "Who", "create_router"]


def create_router(reconciler: Reconciler, authorise: Authorise) -> APIRouter:
    """The routes below ``/v1/recon``. Synchronous on purpose: the server runs each in a thread of its pool."""
    router = APIRouter(prefix="/v1/recon", tags=["reconciliation"])
    who = Who.by(authorise)
    for add in (
        run_routes,
        break_routes,
        resolution_routes,
        closing_routes,
        policy_routes,
        exchange_routes,
        confirmation_routes,
    ):
        add(router, reconciler, who)
    return router
