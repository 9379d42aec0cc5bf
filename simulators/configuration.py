"""What a simulated system is told when it starts: one JSON file that the director writes (0600: it holds secrets)."""

import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from simulators.plan import PlanOptions


@dataclass(frozen=True, slots=True)
class ChannelAccess:
    """How a channel system is reached and how it proves itself. ``secret`` (``whsec_...``) signs both ways.

    ``login_key``: the private JWK by which the channel's logins prove themselves to the provider; empty: it is a public
    client, an app on a phone.
    """

    port: int
    client_secret: str
    secret: str
    login_key: str = ""


@dataclass(frozen=True, slots=True)
class Simulation:
    """One simulated day. ``hub_url`` without a slash at its end; drop folders and journals are under ``data_dir``."""

    seed: int
    orders: int
    date: date
    hub_url: str
    data_dir: Path
    channels: dict[str, ChannelAccess]
    processors_port: int

    @property
    def plan_options(self) -> PlanOptions:
        return PlanOptions(self.seed, self.orders, self.date)

    def write(self, path: Path) -> None:
        """Write the file; only this user may read it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self), default=str, indent=2), encoding="utf-8")


def read(path: Path) -> Simulation:
    """The simulation that ``path`` describes. Raises OSError or ValueError when it cannot be read."""
    told = json.loads(path.read_text(encoding="utf-8"))
    return Simulation(
        seed=int(told["seed"]),
        orders=int(told["orders"]),
        date=date.fromisoformat(told["date"]),
        hub_url=str(told["hub_url"]).rstrip("/"),
        data_dir=Path(told["data_dir"]),
        channels={name: ChannelAccess(**access) for name, access in told["channels"].items()},
        processors_port=int(told["processors_port"]),
    )
