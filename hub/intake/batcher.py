"""Micro-batches: single messages that wait at the same moment share a transaction. No timer; reply after commit."""

import asyncio
from collections import deque

from hub.intake.answers import Answer
from hub.intake.intake import Intake
from hub.intake.receipts import Receipt


class MicroBatcher:
    """Takes single messages from many requests to ``Intake.take``; lives in one event loop.

    ``flushers`` transactions may be under way at once; each takes all that waits, up to ``batch_max``. While one is
    under way the next begins when ``worth`` messages wait: of two small transactions each costs nearly what one of all
    would, and they share one interpreter.
    """

    def __init__(self, intake: Intake, flushers: int = 2, batch_max: int = 128, worth: int = 32) -> None:
        self._intake = intake
        self._flushers = flushers
        self._batch_max = batch_max
        self._worth = worth
        self._busy = 0
        self._waiting: deque[tuple[Receipt, asyncio.Future[Answer]]] = deque()
        self._idle: deque[asyncio.Future[None]] = deque()
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
        self._waiting.append((receipt, answer))
        if self._is_worth_it():
            self._wake_one()
        return await answer

    def _is_worth_it(self) -> bool:
        return len(self._waiting) >= (self._worth if self._busy else 1)

    def _wake_one(self) -> None:
        while self._idle:
            idle = self._idle.popleft()
            if not idle.done():
                idle.set_result(None)
                return

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while not self._is_worth_it():
                news: asyncio.Future[None] = loop.create_future()
                self._idle.append(news)
                await news
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._batch_max))]
            self._busy += 1
            try:
                answers = await loop.run_in_executor(None, self._intake.take, [receipt for receipt, _ in batch])
            finally:
                self._busy -= 1
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
