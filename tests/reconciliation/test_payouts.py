"""A processor's payouts at the bank, T+1 on business days: a whole date is carried, and clears with one entry."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from interlock.database import Pool
from reconciliation.carry import gaps
from tests.reconciliation.house import Clock, House, at, decimal, reconciler, wechat_bill

FRIDAY = date(2026, 1, 9)
NAMES = ["wechat-bank"]


def bank(day: date, *payouts: tuple[str, int]) -> bytes:
    """A statement with one lump for each batch: (day it pays for, fen)."""
    entries = "".join(
        f'<Ntry><Amt Ccy="CNY">{decimal(fen)}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><DtTm>{day}T10:00:00+08:00</DtTm></BookgDt><AcctSvcrRef>BK-{batch}</AcctSvcrRef>"
        f"<NtryDtls><Btch><PmtInfId>WX-{batch}</PmtInfId></Btch></NtryDtls></Ntry>"
        for batch, fen in payouts
    )
    balances = "".join(
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">{decimal(fen)}</Amt>'
        f"<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
        for code, fen in (("OPBD", 0), ("CLBD", sum(fen for _, fen in payouts)))
    )
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId>'
        f"<CreDtTm>{day}T23:59:00+08:00</CreDtTm></GrpHdr><Stmt><Id>1</Id>{balances}{entries}</Stmt>"
        "</BkToCstmrStmt></Document>"
    ).encode()


@pytest.mark.parametrize(("fen", "found"), [(19880, []), (19800, ["AMOUNT"])])
def test_what_was_paid_on_friday_arrives_on_monday(pool: Pool, tmp_path: Path, fen: int, found: list[str]) -> None:
    house, clock = House(), Clock()
    recon = reconciler(pool, house, clock, tmp_path)
    paid = [("capture", f"4200{n}", f"EW1000000{n}", 10000, at("09:00", -2)) for n in (1, 2)]
    monday = FRIDAY + timedelta(days=3)
    monday_bill = wechat_bill([("capture", "4300", "EW20000001", 100, at("09:00", 1))])
    house.statements = {
        "wechat": [("friday.csv", wechat_bill(paid)), ("monday.csv", monday_bill)],
        "bank": [
            ("friday.xml", bank(FRIDAY, ("2026-01-01", 5))),
            ("monday.xml", bank(monday, (FRIDAY.isoformat(), fen))),
        ],
    }
    for n in (0, 3):
        clock.now = at("08:00", n - 1)
        (outcome,) = recon.run_day(FRIDAY + timedelta(days=n), NAMES).definitions
        assert outcome.state == "done", outcome.reason
    with pool.connection() as connection:
        kinds = connection.execute("SELECT kind FROM recon.breaks WHERE business_date = %s", (monday,)).fetchall()
        carried = connection.execute(
            "SELECT business_date, sum(closing_count) FROM recon.rolls JOIN recon.carries USING (run_id)"
            " WHERE side = 'left' GROUP BY 1 ORDER BY 1"
        ).fetchall()
        assert gaps(connection) == []
    assert [count for _, count in carried] == [2, 1]
    assert sorted(kind for (kind,) in kinds) == found
