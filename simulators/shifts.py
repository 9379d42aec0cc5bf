"""A station's windows: one file per window and shift, dropped for the hub, corrected when it is refused."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from simulators.hub_client import Answer, HubSilent
from simulators.plan import Step
from simulators.seeded_faults import file_name
from simulators.system import ChannelSystem

RECEIPT_SECONDS = 900.0
LOOK_SECONDS = 0.05

ShiftFile = Callable[..., bytes]


@dataclass(frozen=True, slots=True)
class Shift:
    """One window's shift."""

    office: str
    window: str
    number: str


@dataclass
class ShiftDesk:
    """Writes shift files and waits for the hub's receipts. ``compose`` makes a file from its transactions' bytes."""

    system: ChannelSystem
    folder: Path
    day: date
    compose: ShiftFile
    seconds: Callable[[], float] = time.monotonic
    to_correct: list[tuple[Shift, list[Step]]] = field(default_factory=list)

    async def send(self, steps: Sequence[Step]) -> None:
        """Drop the corrected files of the last time, then a file for each shift among ``steps``; wait for receipts."""
        corrected, self.to_correct = self.to_correct, []
        shifts: dict[Shift, list[Step]] = {}
        for step in steps:
            desk = step.act.desk
            shifts.setdefault(Shift(desk["office"], desk["window"], desk["shift"]), []).append(step)
        work = [self._drop_corrected(shift, its_steps) for shift, its_steps in corrected]
        work += [self._drop_first(shift, its_steps) for shift, its_steps in sorted(shifts.items(), key=str)]
        await asyncio.gather(*work)

    async def _drop_first(self, shift: Shift, steps: list[Step]) -> None:
        fault = self._fault(shift)
        broken = fault == "shift_file_broken_total"
        content = self._content(shift, steps, broken=broken)
        receipt = await self._drop(self._name(shift, 1), content)
        if broken and receipt["outcome"] == "refused":
            self.system.outcomes["control_total_wrong"] += 1
            self.to_correct.append((shift, steps))
            return
        self._note(steps, receipt)
        if fault == "shift_file_twice":
            again = await self._drop(self._name(shift, 2), content)
            self.system.outcomes[f"file {again['outcome']}"] += 1

    async def _drop_corrected(self, shift: Shift, steps: list[Step]) -> None:
        self._note(steps, await self._drop(self._name(shift, 2), self._content(shift, steps, broken=False)))

    def _content(self, shift: Shift, steps: list[Step], *, broken: bool) -> bytes:
        ordered = sorted(steps, key=lambda step: step.act.desk["running"])
        transactions = [self.system.wire(step, step.message_id).body for step in ordered]
        return self.compose(
            transactions,
            office=shift.office,
            window=shift.window,
            shift=shift.number,
            business_date=self.day,
            clerk=ordered[0].act.desk["clerk"],
            terminal=ordered[0].act.desk["terminal"],
            break_total="office" if broken else None,
        )

    async def _drop(self, name: str, content: bytes) -> dict[str, Any]:
        """Write, rename, wait for the receipt. Raises HubSilent when none comes."""
        started = self.seconds()
        while not self._written(name, content):
            if self.seconds() - started > RECEIPT_SECONDS:
                raise HubSilent(f"{name}: the folder could not be written to for {RECEIPT_SECONDS:.0f} s")
            await asyncio.sleep(LOOK_SECONDS)
        places = [self.folder / place / f"{name}.receipt.json" for place in ("done", "refused")]
        while self.seconds() - started < RECEIPT_SECONDS:
            for place in places:
                if place.exists():
                    receipt: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
                    return receipt
            await asyncio.sleep(LOOK_SECONDS)
        raise HubSilent(f"{name}: no receipt after {RECEIPT_SECONDS:.0f} s")

    def _written(self, name: str, content: bytes) -> bool:
        """Whether the whole file lies there. A folder that is full or away is tried again, as a clerk would."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            draft = self.folder / f"{name}.writing"
            draft.write_bytes(content)
            draft.rename(self.folder / name)
        except OSError:
            return False
        return True

    def _note(self, steps: list[Step], receipt: dict[str, Any]) -> None:
        for step in steps:
            problem = receipt.get("problem") or {}
            status = 422 if receipt["outcome"] == "refused" else 200
            self.system.answered(step, Answer(status, {"outcome": "filed", "code": problem.get("code", "refused")}))

    def _name(self, shift: Shift, attempt: int) -> str:
        return file_name(self.day, shift.office, shift.window, shift.number, attempt)

    def _fault(self, shift: Shift) -> str | None:
        place = (shift.office, shift.window, shift.number)
        faults = self.system.plan.file_faults
        return next((f.fault for f in faults if (f.office, f.window, f.shift) == place), None)
