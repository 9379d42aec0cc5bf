"""The board as server-sent events: its fragment whenever it changed. Ends when the login does."""

import asyncio
import json
from collections.abc import AsyncIterator

import psycopg
from fastapi.concurrency import run_in_threadpool
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from hub.api.failures import answer
from interlock.console.board import Board, drawn
from interlock.console.pages import HEADERS, Reader
from interlock.console.serving import Door
from schemas.problems import problem

LIVE_SECONDS = 2.0
LIVE_TICKS = 45
"""A stream ends after a minute and a half; the browser comes back by itself. So a deploy waits for nobody."""


class Live:
    """One stream for each browser that looks on."""

    def __init__(self, door: Door, board: Board) -> None:
        self._door, self._board = door, board

    async def stream(self, request: Request) -> Response:
        if await run_in_threadpool(self._fragment, request) is None:
            return answer(problem("unauthenticated"))
        headers = HEADERS | {"X-Accel-Buffering": "no"}
        return StreamingResponse(self._events(request), media_type="text/event-stream", headers=headers)

    async def _events(self, request: Request) -> AsyncIterator[bytes]:
        yield b"retry: 2000\n\n"
        before = ""
        for _ in range(LIVE_TICKS):
            await asyncio.sleep(LIVE_SECONDS)
            fragment = await run_in_threadpool(self._fragment, request)
            if fragment is None:
                return
            # A comment keeps the connection known to be alive when nothing has changed.
            yield f"data: {json.dumps(fragment)}\n\n".encode() if fragment != before else b": same\n\n"
            before = fragment

    def _fragment(self, request: Request) -> str | None:
        """The board for whoever may still see it; None when nobody does, or the database is away."""
        try:
            staff = self._door.watcher(request)
            if staff is None:
                return None
            view = self._board.view()
        except (psycopg.OperationalError, PoolTimeout):  # away: the stream ends, the browser comes again
            return None
        return self._door.pages.html("_board", Reader.of(request, staff), drawn(view))
