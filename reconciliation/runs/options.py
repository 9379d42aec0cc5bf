"""Where the files of reconciliation lie, and how much of the machine one piece of work may take."""

from dataclasses import dataclass
from pathlib import Path

from reconciliation.matching import EngineName


@dataclass(frozen=True, slots=True)
class ReconOptions:
    """``memory_limit`` bounds what the engine holds for one piece; beyond it, it spills to ``spill``. Two workers of
    this size and their Python stay below 2 GB. ``whole_limit``: the same for a stage that has the machine to itself.
    ``at_once``: pieces in work at the same time where no worker runs. ``rows_at_once``: files are matched
    together up to so many rows of both sides; a bucket of a peak day has about as many. ``engine``: what does the first
    pass of matching; results are the same, and are found again whichever made them."""

    data_dir: Path
    memory_limit: str = "640MB"
    whole_limit: str = "1280MB"
    at_once: int = 2
    rows_at_once: int = 1_250_000
    engine: EngineName = "duckdb"

    @property
    def folder(self) -> Path:
        return self.data_dir / "recon"

    @property
    def datasets(self) -> Path:
        return self.folder / "datasets"

    @property
    def raw(self) -> Path:
        return self.folder / "raw"

    @property
    def pieces(self) -> Path:
        return self.folder / "pieces"

    @property
    def carries(self) -> Path:
        return self.folder / "carry"

    @property
    def definitions(self) -> Path:
        """The operator's own definitions."""
        return self.folder / "definitions"

    @property
    def policies(self) -> Path:
        """The operator's own policies."""
        return self.folder / "policies"

    def run_folder(self, run_id: str) -> Path:
        """Where a run keeps what it has found."""
        return self.folder / "runs" / run_id[:2] / run_id

    @property
    def spill(self) -> Path:
        return self.folder / "spill"
