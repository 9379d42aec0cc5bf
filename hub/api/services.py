"""What the routes need, wired once by the composition root."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from hub.api.access import Access, Principal
from hub.api.quotas import Quotas
from hub.delivery.trial import TrialOptions
from hub.intake.batcher import MicroBatcher
from hub.intake.intake import Intake, Pool
from hub.ports import Adapter
from hub.store.audit import Audit
from hub.store.channels import CodeTables
from hub.store.seal import Seal

Connect = Callable[[str, str | None, Sequence[str]], tuple[str | None, CodeTables | None]]
"""(name, adapter, code tables as texts) of a new connection -> what of it is stored; raises ``TermInvalid``."""


Acted = Callable[[Principal, str, UUID | None], None]
"""(who, what, which order): called for everything a person's token reads, so that an agent's deeds are written down."""


def _nobody_acts(caller: Principal, what: str, order_id: UUID | None) -> None:
    """For a hub whose tokens never name an actor."""


@dataclass(frozen=True, slots=True)
class Services:
    """``clock`` is the business clock, ``wall_clock`` the one by which deliveries go; ``public_url`` names the hub.

    ``trials``: how test messages go out. ``connect`` knows which adapters are installed; ``connected`` is told when a
    connection was registered.
    ``acted`` hears what a caller has read before the answer goes out; it writes down what agents did for people.
    ``incomplete_after_minutes``: an order whose beginning has not come after that is a case.
    """

    pool: Pool
    intake: Intake
    batcher: MicroBatcher
    adapters: Mapping[str, Adapter]
    access: Access
    seal: Seal
    audit: Audit
    clock: Callable[[], datetime]
    wall_clock: Callable[[], datetime]
    public_url: str
    trials: TrialOptions
    connect: Connect
    connected: Callable[[], None] = lambda: None
    acted: Acted = _nobody_acts
    incomplete_after_minutes: int = 60
    quotas: Quotas = field(default_factory=Quotas)
