"""``/v1/persons/erasures``: a person's data is erased; what happened stays."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Request
from pydantic import Field, model_validator

from hub.api.bodies import Body
from hub.api.services import Services
from hub.intake.erasing import REASON_MAX, Eraser, Extent
from hub.store.persons import Whom


class Erasure(Body):
    """Who is to be erased: by type and number of a document, or by a telephone that only one person travels with."""

    document_type: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")] | None = Field(
        None, description="a code of the list document_type"
    )
    number: Annotated[str, Field(min_length=1, max_length=400)] | None = Field(None, description="as on the document")
    phone: Annotated[str, Field(min_length=1, max_length=400)] | None = Field(None, description="E.164")
    dry_run: bool = Field(False, description="only say what would be gone")
    even_so: Annotated[str, Field(min_length=1, max_length=REASON_MAX)] | None = Field(
        None, description="why, although tickets are good or money is owed; without names and numbers of people"
    )

    @model_validator(mode="after")
    def _one_way_to_name_him(self) -> Self:
        by_document = self.document_type is not None and self.number is not None
        if by_document == (self.phone is not None) or (self.document_type is None) != (self.number is None):
            raise ValueError("document_type and number, or phone")
        return self


def persons_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["persons"])

    @router.post("/persons/erasures", summary="Erase a person's data")
    def erase(request: Request, body: Erasure) -> dict[str, Any]:
        """His name, numbers, telephones and messages cannot be read by anybody afterwards, here or in a backup.

        Orders, tickets and money stay as they are. Refused while tickets of his are good or money is owed, unless
        ``even_so`` says why. There is no way back.
        """
        seek = services.access.caller if body.dry_run else services.access.sure
        caller = seek(request.headers, "hub:erase")
        eraser = Eraser(services.adapters, services.seal, services.audit, services.clock, services.wall_clock)
        whom = Whom(body.document_type, body.number, body.phone)
        with services.pool.connection() as connection:
            if body.dry_run:
                return shown(eraser.extent(connection, whom), erased=False)
            return shown(eraser.erase(connection, whom, caller.subject, body.even_so), erased=True)

    return router


def shown(extent: Extent, *, erased: bool) -> dict[str, Any]:
    """What was, or would be, taken away, as plain values."""
    return {
        "erased": erased,
        "subject": extent.subject,
        "orders": list(extent.orders),
        "messages": extent.messages,
        "valid_tickets": list(extent.valid),
        "owed": list(extent.owed),
        "still_readable": list(extent.before),
    }
