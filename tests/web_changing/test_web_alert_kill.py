"""kill -9 of the whole server while it judges and tells: what history says was raised is there
once, with its notice once and its work order once."""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from town import Town, found_town, kill_town, serve_town

from quanyu import app as composition
from quanyu.kernel import LocalText, now
from quanyu.operations import escalation_wanted, judged_until
from quanyu.operations.alerts.tables import AlertRow
from quanyu.operations.work_orders.tables import WorkOrderRow
from quanyu.parties.notices.tables import NoticeRow
from quanyu.streams import DatastreamDraft
from streaming import observe, published_stream

KILLS = int(os.environ.get("QUANYU_TEST_KILLS", "3"))
PUMPS, HOURS, PATIENCE_S = 16, 60, 120.0
RULE = """
id: heat
title: {zh: 过热, en: Too hot}
stream: pumps
when: {kind: threshold, above: 80, clear_below: 70}
group: none
group_wait: 0s
escalate: [{to: everybody}]
work_order: {category: sensor}
"""


class Pumps:
    """A stream with one datastream a thing, that gets warm and cold again."""

    def __init__(self, town: Town) -> None:
        self.town, self.control = town, town.control()
        drafts = [
            DatastreamDraft(thing=f"pump-{n}", name="heat", observed_property="heat", unit="Cel")
            for n in range(PUMPS)
        ]
        title = LocalText(zh="泵站", en="Pumps")
        with self.control.begin() as session:
            _, self.numbers = published_stream(
                session, town.callers["provider"], "pumps", title, drafts
            )
        self.store = composition.open_observations(town.settings, self.control)
        self.begin = now().replace(microsecond=0) - timedelta(hours=HOURS * (KILLS + 2))
        self.hot, self.hour, self.chance = [False] * PUMPS, 0, random.Random(20_261_127)

    def feed(self, hours: int) -> None:
        """Hour after hour, each in a transaction of its own."""
        for _ in range(hours):
            self.hot = [one != (self.chance.random() < 0.06) for one in self.hot]
            self._put([90.0 if one else 60.0 for one in self.hot])
            time.sleep(0.01)

    def end(self) -> None:
        """The first half is too hot at last."""
        self._put([90.0 if n < PUMPS // 2 else 60.0 for n in range(PUMPS)])

    def _put(self, values: list[float]) -> None:
        at = self.begin + timedelta(hours=self.hour)
        self.hour += 1
        observe(
            self.store, [(one, at, value) for one, value in zip(self.numbers, values, strict=True)]
        )

    def raised(self) -> int:
        with self.control.read() as session:
            return session.query(AlertRow).count()

    def settled(self) -> bool:
        """Whether all that came was judged, and all that is due was told."""
        with self.control.read() as session:
            reached = judged_until(session)
        return reached == self.store.newest() and not escalation_wanted(self.control)

    def close(self) -> None:
        self.store.close()
        self.control.close()


def wait(true: Callable[[], bool]) -> bool:
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        if true():
            return True
        time.sleep(0.05)
    return False


def every_alert(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for state in ("firing", "resolved"):
        after = ""
        while True:
            asked = {"state": state, "limit": "500", "after": after}
            page = client.get("/api/alerts", params=asked).json()
            found += page["alerts"]
            after = page["next"] or ""
            if not after:
                break
    return found


@pytest.mark.timeout(900)
def test_alerts_outlive_kills_of_the_server_once(tmp_path: Path) -> None:
    town = found_town(tmp_path / "town")
    pumps = Pumps(town)
    stop = serve_town(town)
    try:
        with town.client("provider") as client:
            assert client.put("/api/rules?state=live", content=RULE).status_code == 200
        for _ in range(KILLS):
            before = pumps.raised()
            feed = threading.Thread(target=pumps.feed, args=(HOURS,))
            feed.start()
            assert wait(lambda since=before: pumps.raised() > since)  # type: ignore[misc]
            time.sleep(pumps.chance.uniform(0, 0.4))
            kill_town(town)
            stop()
            feed.join()
            stop = serve_town(town)
        pumps.end()
        assert wait(pumps.settled)
        with town.client("provider") as client:
            start_at = (pumps.begin - timedelta(days=1)).isoformat()
            history = client.post(
                "/api/rules/back-test", params={"start": start_at}, content=RULE
            ).json()
            alerts = every_alert(client)
    finally:
        stop()
    things = {str(number): f"pump-{n}" for n, number in enumerate(pumps.numbers)}
    wanted = [(things[e["subject"]], e["beganAt"], e["endedAt"]) for e in history["episodes"]]
    found = [(a["thing"], a["beganAt"], a["endedAt"]) for a in alerts]
    assert sorted(found, key=str) == sorted(wanted, key=str)
    firing = {a["id"] for a in alerts if a["endedAt"] is None}
    assert len(firing) == PUMPS // 2
    assert len(found) > len(firing)
    with pumps.control.read() as session:
        told = Counter(
            (row.link.rpartition("/")[2], "is over" in row.message)
            for row in session.query(NoticeRow).filter_by(topic="alert")
        )
        orders = Counter(row.source_id for row in session.query(WorkOrderRow))
    pumps.close()
    assert max(told.values()) == max(orders.values()) == 1
    assert firing <= {name for name, over in told if not over}
    assert {name for name, over in told if over} <= {name for name, over in told if not over}
    assert firing <= orders.keys()
    assert {a["id"] for a in alerts if a["workOrder"]} == orders.keys()
