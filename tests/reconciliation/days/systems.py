"""The systems around the hub, playing the world's days: what the hub is told, what extracts and files say.

The hub's side is the real thing (facts, fold, rows); only channels and processors are played. The acquirer's files are
read by a document of the operator's own, and its pair is the operator's own definition: T+1 over bank holidays, 23:00.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from reconciliation.ports import HubDay, Outcome
from schemas.facts import Fact, PaymentFact
from schemas.observation import Observation
from tests.reconciliation.days.world import BEIJING, ONE, File, Movement, Sale
from tests.reconciliation.house import House, HouseSnapshot, content, issued, tell, wechat_bill, yuan

ACQUIRER_FORMAT = """
format: acquirer
title_zh: 收单机构对账单
title_en: acquirer, daily statement
documentation: invented for the sixty days
source: acquirer
processor: acquirer
files: "^acquirer-\\\\d{8}"
decimals: minor
cells: {kind: plain, delimiter: ";", header: false, comment: ["#"]}
columns: {side: 1, number: 2, order: 3, amount: 4, time: 5}
rows:
  by: side
  table:
    C: {kind: payment, ref: number, amount: amount}
    D: {kind: refund, ref: number, amount: amount}
  common: {order_no: order, other_ref: order, batch: "{date}"}
  time: {columns: time, format: "%Y%m%d%H%M%S", example: "20250908103000", zone: Asia/Shanghai}
  currency: CNY
summary:
  patterns: ["^# (?P<rows>\\\\d+) (?P<net>-?\\\\d+)$"]
totals:
  - {said: rows, count: true}
  - {said: net, sum: {of: amount, side: {column: side, plus: C, minus: D}}}
business_date: {source: name, pattern: "acquirer-(\\\\d{8})", format: "%Y%m%d"}
"""

ACQUIRER_PAIR: dict[str, Any] = {
    "name": "hub-acquirer",
    "title_zh": "枢纽与收单机构",
    "title_en": "hub and acquirer",
    "left": {"source": "hub"},
    "right": {"source": "processor", "of": "acquirer"},
    "rows": ["payment", "refund"],
    "key": ["processor|reference"],
    "compare": [{"field": "amount", "kind": "AMOUNT"}, {"field": "currency", "kind": "CURRENCY"}],
    "calendar": {"cut_off": "23:00:00", "grace_minutes": 2160, "holidays": "CN", "settles_after": 1},
    "policy": "default",
}


class Systems(House):
    """The house of the tests, for many days: files come and stay, the ledger is looked up by date."""

    def __init__(self) -> None:
        super().__init__()
        self.dated: dict[date, set[str]] = defaultdict(set)
        self.here: list[File] = []

    def sell(self, sale: Sale) -> None:
        """A sale as its channel and the hub learn of it."""
        local = sale.at + BEIJING
        said = self._told(sale, sale.fen, local)
        if sale.fault != "hub_deaf":
            self.hub(said)
        if sale.fault != "channel_forgot":
            more = {"channel_amount": 150, "channel_cents": 50}.get(sale.fault or "", 0)
            self.channel(self._told(sale, sale.fen + more, local), local.date())

    @staticmethod
    def _told(sale: Sale, fare: int, local: datetime) -> Observation:
        method = "wechat_pay" if sale.processor == "wechat" else "bank_card"
        paid = PaymentFact(
            fact="payment.captured",
            occurred_at=sale.at,
            processor=sale.processor,
            processor_ref=sale.reference,
            method=method,
            amount_gross=yuan(sale.fen),
        )
        facts: list[Fact] = [issued(content(sale.order_no, sale.channel, fare), sale.at), paid]
        said = tell(sale.channel, sale.order_no, sale.at, facts)
        return said.model_copy(update={"business_date": local.date()})

    def hub(self, observation: Observation) -> None:
        super().hub(observation)
        self.dated[(observation.occurred_at + BEIJING).date()].add(observation.references[0].value)

    @contextmanager
    def snapshot(self, business_date: date) -> Iterator[HouseSnapshot]:
        yield SystemsSnapshot(self, business_date)

    def files(self, processor: str, business_date: date) -> Iterable[tuple[str, bytes]]:
        for file in self.here:
            if file.processor == processor and abs(file.day - business_date) <= ONE:
                yield f"{file.name}.txt", written(file)

    def redeliver(self, channel: str, order_no: str) -> Outcome:
        """Told again, the channel of these days still does not listen."""
        self.redelivered.append((channel, order_no))
        return Outcome(True, "queued")


class SystemsSnapshot(HouseSnapshot):
    """The port ``LedgerSnapshot``: a date's orders are looked up, not searched among those of sixty days."""

    def __init__(self, systems: Systems, business_date: date) -> None:
        super().__init__(systems, business_date)
        self.numbers = frozenset(systems.dated[business_date])

    def export(self, root: Path, width: int | None = None) -> HubDay:
        return self.export_orders(self.numbers, root, width)


class Folder:
    """The drop folder as the schedule sees it: the same files, on the disk."""

    def __init__(self, systems: Systems, root: Path) -> None:
        self.systems = systems
        self.root = root
        self.days: dict[str, date] = {}

    def drop(self, file: File) -> None:
        path = self.root / file.processor / f"{file.name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written(file))
        self.days[path.name] = file.day
        self.systems.here.append(file)

    def files(self, source: str) -> list[tuple[str, Path]]:
        return [(path.name, path) for path in sorted((self.root / source).glob("*.txt"))]

    def dates_of(self, source: str, path: Path) -> tuple[tuple[date, ...], str | None]:
        return (self.days[path.name],), None


def written(file: File) -> bytes:
    """The file's bytes; one whose total is wrong is one yuan off."""
    if file.processor == "wechat":
        lines = [(m.kind, m.reference, m.order_no, m.fen, m.at) for m in file.movements]
        bill = wechat_bill(lines)
        return _damaged(bill) if file.is_damaged else bill
    sides = {"capture": "C", "refund": "D"}
    rows = [f"{sides[m.kind]};{m.reference};{m.order_no};{m.fen};{_local(m):%Y%m%d%H%M%S}" for m in file.movements]
    net = sum(m.fen if m.kind == "capture" else -m.fen for m in file.movements)
    return "\n".join([f"# {len(rows)} {net + 100 * file.is_damaged}", *rows, ""]).encode()


def _damaged(bill: bytes) -> bytes:
    """The bill with one more transaction in its summary than in its lines."""
    head, summary = bill.rsplit(b"\r\n`", 1)
    count, rest = summary.split(b",", 1)
    return head + b"\r\n`" + str(int(count) + 1).encode() + b"," + rest


def _local(movement: Movement) -> datetime:
    return movement.at + BEIJING


def digest_of(file: File) -> str:
    """What a refusal of the file is known by."""
    return hashlib.sha256(written(file)).hexdigest()


def install(folder: Path) -> None:
    """Put the operator's own documents below the data folder."""
    documents = {
        "formats/acquirer.yaml": ACQUIRER_FORMAT,
        "definitions/hub-acquirer.json": json.dumps(ACQUIRER_PAIR),
    }
    for name, text in documents.items():
        path = folder / "recon" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def local_days(first: date, count: int) -> Sequence[date]:
    return [first + timedelta(days=number) for number in range(count)]
