"""A file as it came, opened: plain, gzipped (RFC 1952) or a ZIP (PKWARE APPNOTE) of several, read in blocks.

Sizes are bounded before anything is unpacked, so that a small file cannot fill the disk or the memory.
"""

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, cast

from reconciliation.statements.lines import FileError

BLOCK_BYTES = 1 << 20
HEAD_BYTES = 1 << 16
MAX_UNPACKED_BYTES = 64 << 30
MAX_RATIO = 200
"""How much larger than packed an entry may say it is: bills shrink about fifteenfold."""
MAX_LINE_BYTES = 4 << 20
_UTF8_FLAG = 0x800


@dataclass(frozen=True, slots=True)
class Member:
    """One document inside a file: its name, its first bytes, and how to open it (again)."""

    name: str
    head: bytes
    open: Callable[[], AbstractContextManager[IO[bytes]]]


def members(raw: bytes | Path, name: str) -> list[Member]:
    """The documents in a file; one, unless it is a ZIP. Raises FileError for a damaged or unreasonable one."""
    with _opened(raw) as file:
        magic = file.read(4)
    try:
        if magic.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            return _entries(raw)
        if magic.startswith(b"\x1f\x8b"):
            return [_member(name.removesuffix(".gz"), lambda: _gunzipped(raw))]
        return [_member(name, lambda: _opened(raw))]
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError) as error:
        raise FileError(f"the file cannot be unpacked: {error}", "file") from error


def _opened(raw: bytes | Path) -> IO[bytes]:
    return io.BytesIO(raw) if isinstance(raw, bytes) else raw.open("rb")


@contextmanager
def _gunzipped(raw: bytes | Path) -> Iterator[IO[bytes]]:
    with _opened(raw) as packed, gzip.open(packed) as file:
        yield cast(IO[bytes], _Bounded(cast(IO[bytes], file)))


@contextmanager
def _unzipped(raw: bytes | Path, info: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    with _opened(raw) as packed, zipfile.ZipFile(packed) as archive, archive.open(info) as file:
        yield file


def _member(name: str, opener: Callable[[], AbstractContextManager[IO[bytes]]]) -> Member:
    with opener() as file:
        return Member(name, file.read(HEAD_BYTES), opener)


def _entries(raw: bytes | Path) -> list[Member]:
    found: list[Member] = []
    with _opened(raw) as file, zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            if info.flag_bits & 1:
                raise FileError(f"the entry {info.filename} is encrypted", "file", "Drop the file unpacked.")
            if info.file_size > MAX_UNPACKED_BYTES or info.file_size > MAX_RATIO * max(info.compress_size, 1000):
                raise FileError(f"the entry {info.filename} would unpack to {info.file_size} bytes", "file")
            found.append(_member(_entry_name(info), partial(_unzipped, raw, info)))
    return found


def _entry_name(info: zipfile.ZipInfo) -> str:
    """The last part of the name; older Chinese tools write it in GBK without saying so (APPNOTE, appendix D)."""
    name = info.filename
    if not info.flag_bits & _UTF8_FLAG:
        try:
            name = name.encode("cp437").decode("gb18030")
        except (UnicodeEncodeError, UnicodeDecodeError):
            name = info.filename
    return name.replace("\\", "/").rpartition("/")[2]


class _Bounded:
    """A stream that ends with an error when it gives more than it may."""

    def __init__(self, inner: IO[bytes]) -> None:
        self.inner = inner
        self.left = MAX_UNPACKED_BYTES

    def read(self, size: int = -1) -> bytes:
        data = self.inner.read(size)
        self.left -= len(data)
        if self.left < 0:
            raise FileError(f"the file unpacks to more than {MAX_UNPACKED_BYTES} bytes", "file")
        return data


def blocks(file: IO[bytes], quote: bytes = b"") -> Iterator[bytes]:
    """The stream in blocks of whole lines, about a megabyte each. With ``quote``, a line break between two quotes
    belongs to its cell. Raises FileError for a damaged stream or a line without end."""
    rest = b""
    while True:
        try:
            read = file.read(BLOCK_BYTES)
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise FileError(f"the file cannot be unpacked: {error}", "file") from error
        if not read:
            break
        rest += read
        cut = rest.rfind(b"\n") + 1
        while quote and cut and rest.count(quote, 0, cut) % 2:
            cut = rest.rfind(b"\n", 0, cut - 1) + 1
        if cut:
            yield rest[:cut]
            rest = rest[cut:]
        elif len(rest) > MAX_LINE_BYTES:
            raise FileError(f"a line is longer than {MAX_LINE_BYTES} bytes", "file")
    if rest:
        yield rest
