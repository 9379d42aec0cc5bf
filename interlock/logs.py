"""What our processes log, and what they never log.

Messages are ours: they name channels, orders and kinds of errors, nobody's data. The texts of exceptions are not: a
database names the values of a row that it refuses, a validator the input. So a traceback is logged with its places and
the kinds of its exceptions, without their words.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator, Mapping
from types import TracebackType

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


class DiscreetFormatter(logging.Formatter):
    """Tracebacks without the words of exceptions."""

    def __init__(self) -> None:
        super().__init__(FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        """A copy is formatted: other handlers, which see the same record, keep no text of ours and leave none here."""
        copied = logging.makeLogRecord(record.__dict__)
        copied.exc_text = None
        if isinstance(copied.args, Mapping):  # Celery says why a task failed inside its message
            hidden = {name: "(not logged)" for name in ("exc", "traceback", "args", "kwargs") if name in copied.args}
            copied.args = {**copied.args, **hidden}
        return super().format(copied)

    def formatException(
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        return "" if ei[1] is None else "\n".join(discreet(ei[1]))


def configure_logging(level: int = logging.INFO) -> None:
    """One handler on standard error for everything in this process, ours and the libraries'."""
    handler = logging.StreamHandler()
    handler.setFormatter(DiscreetFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)


def discreet(error: BaseException) -> Iterator[str]:
    """The lines of a traceback: places and kinds of exceptions, without their words."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from discreet(before)
        yield "... and while that was handled, or because of it:"
    yield from (line.rstrip() for line in traceback.format_tb(error.__traceback__))
    yield f"{type(error).__module__}.{type(error).__qualname__} (its words are not logged)"
    for each in getattr(error, "exceptions", ()):
        yield from discreet(each)
