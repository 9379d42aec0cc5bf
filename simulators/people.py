"""Invented passengers. Region 99 is assigned to nobody, so no number here can belong to a real person."""

import random
from dataclasses import dataclass
from datetime import date, timedelta

from schemas.identifiers.resident_id import check_digit

FAMILY = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
GIVEN = "测试样例甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥"
LATIN = ("ALEX", "SAM", "ROBIN", "CHRIS", "JORDAN", "TAYLOR", "MORGAN", "CASEY")


@dataclass(frozen=True, slots=True)
class Person:
    """A passenger with a document; ``phone`` in E.164, from a range that is not in use."""

    name: str
    document_type: str
    document_no: str
    phone: str
    ticket_type: str


class Registry:
    """Hands out people; no document number twice."""

    def __init__(self, rng: random.Random, today: date) -> None:
        self._rng = rng
        self._today = today
        # The first numbers are kept for people with a login of their own.
        self._count = 1000

    def account_holder(self, name: str, phone: str) -> Person:
        """Somebody who has a login under this phone number."""
        self._count += 1
        return Person(name, "resident_id", self._resident_id("adult"), phone, "adult")

    def person(self, ticket_type: str = "adult") -> Person:
        """The next person, of an age that fits the kind of ticket."""
        self._count += 1
        # Letters that GB18030, the wires' narrowest encoding, holds; two or three of them, as most names are.
        name = self._rng.choice(FAMILY) + "".join(self._rng.sample(GIVEN, self._rng.choice((1, 2))))
        phone = f"+86199{self._count:08d}"
        if ticket_type == "adult" and self._rng.random() < 0.03:
            latin = f"{self._rng.choice(LATIN)} SAMPLE"
            return Person(latin, "passport", f"X{self._count:08d}", phone, ticket_type)
        return Person(name, "resident_id", self._resident_id(ticket_type), phone, ticket_type)

    def _resident_id(self, ticket_type: str) -> str:
        youngest, oldest = {"child": (7, 13), "student": (18, 24)}.get(ticket_type, (20, 75))
        birthday = self._today - timedelta(days=self._rng.randint(youngest * 366, oldest * 365))
        # Region and sequence together count people: 9 digits are spread over the six and the three of the form.
        region, sequence = divmod(self._count, 1000)
        first = f"99{region:04d}{birthday:%Y%m%d}{sequence:03d}"
        return first + check_digit(first)
