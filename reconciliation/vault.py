"""Raw bytes as they came, kept under their SHA-256 in the data folder, readable by nobody else.

Extracts hold personal data in clear, so files are written with mode 0600 and never copied into a break.
"""

import hashlib
import os
import tempfile
from pathlib import Path

_PIECE = 1 << 20


class Vault:
    """A content-addressed folder: ``<root>/<first two>/<sha256>``. Writing the same bytes again changes nothing."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def keep(self, raw: bytes) -> str:
        """Store ``raw``; returns its SHA-256 in hexadecimal."""
        name = hashlib.sha256(raw).hexdigest()
        path = self.path(name)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as draft:
                draft.write(raw)
                draft.flush()
                os.fsync(draft.fileno())
            Path(draft.name).rename(path)
        return name

    def keep_file(self, path: Path) -> str:
        """Store a file of any size, read in pieces; returns its SHA-256 in hexadecimal."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        digest = hashlib.sha256()
        with path.open("rb") as file, tempfile.NamedTemporaryFile(dir=self.root, delete=False) as draft:
            while piece := file.read(_PIECE):
                digest.update(piece)
                draft.write(piece)
            draft.flush()
            os.fsync(draft.fileno())
        kept = self.path(digest.hexdigest())
        if kept.exists():
            Path(draft.name).unlink()
        else:
            kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            Path(draft.name).rename(kept)
        return digest.hexdigest()

    def read(self, sha256: str) -> bytes:
        """The bytes; raises FileNotFoundError for a name never kept, ValueError for bytes that were damaged since."""
        raw = self.path(sha256).read_bytes()
        if hashlib.sha256(raw).hexdigest() != sha256:
            raise ValueError(f"the kept file {sha256} no longer has that digest")
        return raw

    def path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256
