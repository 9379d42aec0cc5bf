"""Micro-batches: single messages that wait at the same moment share a transaction. No timer; reply after commit."""

import asyncio
from collections import deque

from hub.intake.answers import Answer
from hub.intake.intake import Intake
from hub.intake.receipts import Receipt


class MicroBatcher:
    """Takes single messages from many requests to ``Intake.take``; lives in one event loop.

    ``flushers`` transactions may be under way at once; each takes all that waits, up to ``batch_max``.
    """

    def __init__(self, intake: Intake, flushers: int = 2, batch_max: int = 128) -> None:
        self._intake = intake
        self._flushers = flushers
        self._batch_max = batch_max
        self._waiting: deque[tuple[Receipt, asyncio.Future[Answer]]] = deque()
        self._news = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "MicroBatcher":
        self._tasks = [asyncio.create_task(self._flush()) for _ in range(self._flushers)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def submit(self, receipt: Receipt) -> Answer:
        """The durable answer. A request that goes away leaves its message to be decided all the same."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        async with self._news:
            self._waiting.append((receipt, answer))
            self._news.notify()
        return await answer

    async def _flush(self) -> None:
        while True:
            async with self._news:
                while not self._waiting:
                    await self._news.wait()
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._batch_max))]
            answers = await asyncio.to_thread(self._intake.take, [receipt for receipt, _ in batch])
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
