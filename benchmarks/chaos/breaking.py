"""Breaks processes, engines and folders of a running stage, and puts right what does not heal by itself."""

import math
import random
import resource
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import psutil
import redis

from benchmarks.chaos.faults import Fault
from benchmarks.chaos.gateway import Gateway
from interlock.demo.stage import Stage
from interlock.engines import find_postgres, find_valkey

UP_AGAIN_SECONDS = 60.0
LIMIT_BYTES = 64
"""Shorter than any receipt: a worker that may write no longer files has a full disk in the middle of each."""
BEHIND = timedelta(minutes=4)


class Breaker:
    """Injects faults one after the other. ``injected``: how many of each kind."""

    def __init__(self, stage: Stage, gateway: Gateway, seed: int) -> None:
        self._stage = stage
        self._gateway = gateway
        self._data_dir = stage.settings.data_dir
        self._rng = random.Random(f"breaking {seed}")
        self._folder = threading.Lock()
        self.injected: Counter[str] = Counter()

    def inject(self, fault: Fault) -> None:
        """Break it now; what lasts is over when this returns, except the weather, which passes by itself."""
        time.sleep(fault.delay)
        if fault.where in ("endpoint", "network", "clock"):
            self._gateway.begin(fault.kind, fault.target, fault.seconds or math.inf)
        else:
            self._act(fault)()
        self.injected[fault.kind] += 1

    def pass_by(self, fault: Fault) -> None:
        """What lasts for ticks is over."""
        self._gateway.end(fault.kind, fault.target)

    def heal(self) -> None:
        """Whatever was broken for a while is whole."""
        self._gateway.clear()
        for process in self._workers():
            _limit_files(process, resource.RLIM_INFINITY)

    def _act(self, fault: Fault) -> Callable[[], None]:
        acts: dict[str, Callable[[], None]] = {
            "kill api": lambda: self._kill(self._process("api")),
            "kill api child": lambda: self._kill_child("api"),
            "kill worker": lambda: self._kill(self._process("worker")),
            "kill worker-2": lambda: self._kill(self._process("worker-2")),
            "kill worker child": lambda: self._kill_child(self._rng.choice(("worker", "worker-2"))),
            "kill beat": lambda: self._kill(self._process("beat")),
            "kill simulator": lambda: self._kill(self._process(f"simulator-{fault.target}")),
            "kill processors": lambda: self._kill(self._process("simulator-processors")),
            "valkey flushed": self._flush_valkey,
            "valkey killed": lambda: self._kill(self._engine("valkey")),
            "postgres restarted": self._restart_postgres,
            "postgres killed": lambda: self._kill(self._engine("postgres")),
            "folder unwritable": lambda: self._lock_folder(fault.seconds),
            "files cut short": lambda: self._cut_files(fault.seconds),
            "hub clock behind": self._hold_the_clock_back,
        }
        return acts[fault.kind]

    # --- processes and engines -------------------------------------------------------------------------------------

    def _process(self, name: str) -> psutil.Process:
        """The program that does this job now; waits for one that is being started again."""

        def find() -> psutil.Process:
            pid, created = (self._data_dir / "run" / f"{name}.pid").read_text().split()
            process = psutil.Process(int(pid))
            if abs(process.create_time() - float(created)) > 1.0 or process.status() == psutil.STATUS_ZOMBIE:
                raise psutil.NoSuchProcess(int(pid))
            return process

        return _waited_for(name, find)

    def _engine(self, name: str) -> psutil.Process:
        find_engine = {"postgres": find_postgres, "valkey": find_valkey}[name]

        def find() -> psutil.Process:
            engine = find_engine(self._data_dir)
            if engine is None:
                raise FileNotFoundError(name)
            return psutil.Process(engine.pid)

        return _waited_for(name, find)

    def _kill(self, process: psutil.Process) -> None:
        with suppress(psutil.NoSuchProcess):  # another fault was quicker
            process.kill()

    def _kill_child(self, name: str) -> None:
        """One of the processes that do the work; the parent notices and starts another."""

        def find() -> psutil.Process:
            children = [c for c in self._process(name).children() if "resource_tracker" not in " ".join(c.cmdline())]
            if not children:
                raise FileNotFoundError(f"a child of {name}")
            return self._rng.choice(children)

        self._kill(_waited_for(f"a child of {name}", find))

    def _restart_postgres(self) -> None:
        """A fast shutdown: sessions end, everything is written. The supervisor starts it again."""
        with suppress(psutil.NoSuchProcess):  # killed meanwhile, which is a harder restart
            self._engine("postgres").send_signal(signal.SIGINT)

    def _flush_valkey(self) -> None:
        self._engine("valkey")
        with (
            redis.Redis.from_url(self._stage.engines.redis_url, socket_timeout=5) as client,
            suppress(redis.ConnectionError),  # killed at this moment, which empties it as well
        ):
            client.flushall()

    # --- folders and clocks ----------------------------------------------------------------------------------------

    def _lock_folder(self, seconds: float) -> None:
        """Nobody can write or read the drop folder: it is away, and a plain file has its name. (Root, too, is kept out,
        whom permissions would not stop.)"""
        folder = self._data_dir / "drop" / "windows"
        away = folder.with_name("windows.away")
        with self._folder:
            folder.mkdir(parents=True, exist_ok=True)
            folder.rename(away)
            folder.touch()
            try:
                time.sleep(seconds)
            finally:
                folder.unlink()
                away.rename(folder)

    def _cut_files(self, seconds: float) -> None:
        """The workers' files end after a few bytes (RLIMIT_FSIZE), as on a disk that is full."""
        limited = self._workers()
        for process in limited:
            _limit_files(process, LIMIT_BYTES)
        try:
            time.sleep(seconds)
        finally:
            # Children that were made meanwhile have inherited the limit.
            for process in {*limited, *self._workers()}:
                _limit_files(process, resource.RLIM_INFINITY)

    def _workers(self) -> list[psutil.Process]:
        found: list[psutil.Process] = []
        for name in ("worker", "worker-2"):
            # Just killed by another fault, or not started again yet: there is nobody to be limited.
            with suppress(psutil.NoSuchProcess, FileNotFoundError, ValueError):
                parent = psutil.Process(int((self._data_dir / "run" / f"{name}.pid").read_text().split()[0]))
                found += [parent, *parent.children(recursive=True)]
        return found

    def _hold_the_clock_back(self) -> None:
        """The hub's business clock stands minutes behind the channels' until the next tick sets it right."""
        self._stage.clock.set(self._stage.clock() - BEHIND)


def _limit_files(process: psutil.Process, most: int) -> None:
    if sys.platform != "linux":
        return
    with suppress(ProcessLookupError):  # it has ended meanwhile: whoever comes after it has no limit
        hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)[1]
        soft = hard if most == resource.RLIM_INFINITY else most
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (soft, hard))


def _waited_for(name: str, find: Callable[[], psutil.Process]) -> psutil.Process:
    """Raises TimeoutError when there is none after a minute: something was not started again."""
    deadline = time.monotonic() + UP_AGAIN_SECONDS
    while True:
        try:
            return find()
        except (psutil.NoSuchProcess, FileNotFoundError, ValueError) as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} is not up again after {UP_AGAIN_SECONDS:.0f} s") from error
            time.sleep(0.1)
