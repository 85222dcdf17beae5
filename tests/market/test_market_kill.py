"""kill -9 while uses are metered and settled: nothing is lost, nothing is doubled."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from quanyu.kernel import Owed, now
from quanyu.market import check_books, documents, period_of, unsettled
from quanyu.market.line import before
from quanyu.market.tables import LineRow, LineShareRow, MeteredRow, TransferRow

KILLS = 20
ZONE = "Asia/Shanghai"


@pytest.mark.timeout(300)
def test_nothing_is_lost_or_doubled_by_kills(market, tmp_path: Path) -> None:
    source = market.resource("rain", market.upstream)
    made = market.resource("delays", lineage=(source.id,))
    plan = {"kind": "per-volume", "measure": "rows", "per": 3, "price": 1}
    agreed = [market.agree(made, plan, {"method": "rests-on"}) for _ in range(5)]
    period, randomly = period_of(now(), ZONE), random.Random(20261126)
    process = subprocess.Popen(
        [
            sys.executable,
            Path(__file__).with_name("settling_process.py"),
            market.store.url,
            tmp_path,
            period,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    used, killed = 0, 0
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        for turn in range(KILLS + 2):
            for _ in range(6):
                market.use(randomly.choice(agreed), rows=randomly.randrange(20))
                used += 1
            market.sequencer.step()
            delay = "" if turn >= KILLS else f"{randomly.uniform(0, 220):.1f}"
            process.stdin.write(f"{delay}\n")
            process.stdin.flush()
            killed += process.stdout.readline().strip() == "9"
        process.stdin.close()
    assert process.returncode == 0
    assert killed > KILLS // 4
    with market.store.read() as session:
        metered = session.scalar(select(func.count()).select_from(MeteredRow))
        numbers = session.scalar(select(func.max(MeteredRow.number)))
        assert metered == numbers == used
        assert unsettled(session) == 0
        for one in agreed:
            rows = session.scalar(
                select(func.sum(MeteredRow.rows)).where(MeteredRow.agreement == one.id)
            )
            assert before(session, one.id, period).amount == (2 * rows + 3) // 6  # once, half up
        amount = session.scalar(select(func.sum(LineRow.amount)))
        assert session.scalar(select(func.sum(LineShareRow.amount))) == amount
        assert check_books(session) == (2 * amount, 2 * amount)
        by_code = dict(
            session.execute(
                select(TransferRow.code, func.sum(TransferRow.amount)).group_by(TransferRow.code)
            ).all()
        )
        assert by_code == {"usage": amount, "share": amount}
        lines = session.scalar(select(func.count()).select_from(LineRow))
        leaves = select(func.count()).select_from(Owed).where(Owed.kind == "settlement.line")
        assert session.scalar(leaves) == lines
        issued = []
        after = None
        while True:
            page, after = documents(session, market.steward, kind="invoice", after=after)
            issued += page
            if after is None:
                break
        assert sum(one.amount for one in issued) == amount
