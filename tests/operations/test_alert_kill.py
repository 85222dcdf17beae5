"""kill -9 while rules are judged and alerts told: none is lost, none is doubled."""

import json
import os
import random
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from air_world import HOUR, T0, WHENS, Air, walk
from people import City

from quanyu.kernel import ControlStore, Owed
from quanyu.operations import AlertState
from quanyu.operations.alerts.tables import AlertRow
from quanyu.operations.rules.tables import JudgedRow
from quanyu.operations.work_orders.tables import WorkOrderRow
from quanyu.parties import notices_of

KILLS = int(os.environ.get("QUANYU_TEST_KILLS", "6"))
"""How often the process is killed; set it for a longer play."""
LONGEST_LIFE_MS = 260.0
LEAST_HOURS, MOST_HOURS = 400, 5_000
PAUSE_S = 0.008


class Judges:
    """A process that starts others which judge, one after another."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("judging_process.py"), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self, milliseconds: float | None) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n" if milliseconds is None else f"{milliseconds:.1f}\n")
        self.process.stdin.flush()

    def ended(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def close(self) -> None:
        self.process.communicate()
        assert self.process.returncode == 0


def rules(air: Air) -> list[Any]:
    more = {
        "threshold": {"escalate": [{"to": "everybody"}], "work_order": {"category": "sensor"}},
        "rate": {"group": "rule"},
    }
    kinds = ("threshold", "rate", "composite")
    return [air.rule(WHENS[kind], id=kind, **more.get(kind, {})) for kind in kinds]


class Feed(threading.Thread):
    """Observations of one hour after another, ``hours`` of them, until it is told to end; never so
    few, on however slow a machine, that no rule fires."""

    def __init__(self, air: Air) -> None:
        super().__init__()
        self.air, self.ended, self.hours = air, threading.Event(), 0

    def run(self) -> None:
        batches = walk(11, MOST_HOURS)
        while self.hours < LEAST_HOURS or not self.ended.wait(PAUSE_S):
            if self.hours == MOST_HOURS:
                return
            put(self.air, batches[self.hours : self.hours + 1])
            self.hours += 1


def heat_wave(hours: int) -> list[Any]:
    """Four hours too hot after so many others: what fires is still on when it is judged, and told
    of, however late that is."""
    return [[(n, T0 + at * HOUR, 9.0) for n in range(4)] for at in range(hours, hours + 4)]


def put(air: Air, batches: list[Any]) -> None:
    air.put([(air.numbers[n], at, value) for batch in batches for n, at, value in batch])


def stands(air: Air) -> tuple[list[Any], list[Any]]:
    """Alerts, by rule and subject, and what is known of each subject."""
    with air.store.read() as session:
        names = {kept: name for name, kept in air.keys.items()}
        alerts = sorted(
            (names[a.rule], a.subject, a.began, str(a.ended_at), a.peak, a.state, a.why)
            for a in session.query(AlertRow)
        )
        heads = sorted(
            (names[j.rule], j.subject, j.head_at, j.head) for j in session.query(JudgedRow)
        )
    return alerts, heads


def check_followed_once(air: Air) -> int:
    """Each alert has its evidence once, each step its notice, each wish its work order; how many
    alerts fired for a while."""
    with air.store.read() as session:
        alerts = {row.id: row for row in session.query(AlertRow)}
        leaves = Counter((row.kind, row.subject) for row in session.query(Owed))
        said = [json.loads(row.body) for row in session.query(Owed).filter_by(kind="alert.told")]
        told = Counter((one, leaf["step"]) for leaf in said for one in leaf["alerts"])
        orders = Counter(row.source_id for row in session.query(WorkOrderRow))
    fired = 0
    for row in alerts.values():
        assert leaves["alert.raised", row.id] == 1
        assert leaves["alert.reopened", row.id] == 0
        closed = leaves["alert.resolved", row.id]
        was_open = row.state != AlertState.RESOLVED.value or closed == 1
        assert closed <= 1
        fired += was_open
        assert told[row.id, 0] == (row.told_at is not None)
        assert orders[row.id] == (row.work_order is not None)
    assert max(told.values(), default=0) == 1
    assert not {subject for kind, subject in leaves if kind == "alert.raised"} - alerts.keys()
    return fired


@pytest.fixture
def worlds(city: City, founded: City, tmp_path: Path) -> Iterator[tuple[Air, Air]]:
    """Two of a kind, with the same rules: one whose judges are killed and one left in peace."""
    calm = tmp_path / "calm"
    calm.mkdir()
    shutil.copy(founded.store.url.removeprefix("sqlite:///"), calm / "control.sqlite")
    with ExitStack() as ends:
        other = replace(founded, store=ControlStore(f"sqlite:///{calm / 'control.sqlite'}"))
        ends.callback(other.store.close)
        made = Air(city, tmp_path), Air(other, calm)
        for air in made:
            ends.callback(air.close)
            air.keys = {one.rule.id: one.key for one in rules(air)}
            air.judge()
        yield made


@pytest.mark.timeout(120 + 2 * KILLS)
def test_no_alert_is_lost_or_doubled_by_kills(worlds: tuple[Air, Air], tmp_path: Path) -> None:
    kicked, quiet = worlds
    chance, killed = random.Random(20_261_127), 0
    judges, feed = Judges(tmp_path), Feed(kicked)
    feed.start()
    for _ in range(KILLS):
        judges.begin(chance.uniform(20, LONGEST_LIFE_MS))
        killed += judges.ended() == "9"
    feed.ended.set()
    feed.join()
    put(kicked, heat_wave(feed.hours))
    judges.begin(None)
    assert judges.ended() == "0"
    judges.close()
    assert killed == KILLS
    put(quiet, walk(11, MOST_HOURS)[: feed.hours] + heat_wave(feed.hours))
    quiet.judge()
    found, wanted = stands(kicked), stands(quiet)
    assert [one[:6] for one in found[0]] == [one[:6] for one in wanted[0]]
    assert found[1] == wanted[1]
    assert found[0]
    assert check_followed_once(kicked) > 0
    with kicked.store.read() as session:
        page = notices_of(session, kicked.city.fitter, topic="alert")
    texts = [(one.link, one.text("en", "UTC")) for one in page.notices]
    assert len(texts) == len(set(texts)) > 0
