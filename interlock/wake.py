"""A hint that there is something to deliver. May be lost at any time: beat comes by every second anyway."""

from __future__ import annotations

import logging
import threading
import time

from celery import Celery
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

QUIET_SECONDS = 0.1


class WakeUp:
    """Sends the delivery task, at most ten times a second, from a thread of its own: no sale waits for the broker."""

    def __init__(self, broker_url: str) -> None:
        self._app = Celery("interlock-wake", broker=broker_url, set_as_current=False)
        self._app.conf.update(
            task_serializer="json",
            task_ignore_result=True,
            broker_transport_options={"socket_connect_timeout": 1, "socket_timeout": 2},
        )
        self._news = threading.Event()
        threading.Thread(target=self._run, name="wake-up", daemon=True).start()

    def __call__(self) -> None:
        self._news.set()

    def _run(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            try:
                self._app.send_task("interlock.deliver", queue="live", expires=5.0, retry=False)
            except (OperationalError, OSError) as error:
                log.warning("the broker is away, deliveries wait for beat: %s", type(error).__name__)
                time.sleep(1.0)
            time.sleep(QUIET_SECONDS)
