"""A stream of the city with four datastreams, rules over it, and what they raise."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from people import City

from quanyu.agreements import Gate
from quanyu.catalogue import Resource
from quanyu.kernel import LocalText, now
from quanyu.operations import (
    Alert,
    AlertFilter,
    AlertState,
    KeptRule,
    Memory,
    RuleState,
    back_test,
    find_alerts,
    judge_new,
    keep_rule,
    observed,
    parse_rule,
    sight_of,
    subjects_of,
)
from quanyu.operations.alerts.tables import AlertRow
from quanyu.parties import Caller
from quanyu.streams import DatastreamDraft, Observations
from streaming import observe, published_stream

HOUR = timedelta(hours=1)
T0 = datetime(2026, 3, 1, tzinfo=UTC)
ALL = AlertFilter(states=tuple(AlertState))
THRESHOLD = {"kind": "threshold", "above": 6, "clear_below": 4, "for": "2h"}
WHENS: dict[str, dict[str, Any]] = {
    "threshold": THRESHOLD,
    "rate": {"kind": "rate", "rise": 3, "fall": 5, "over": "3h"},
    "anomaly": {"kind": "anomaly", "score": 3, "clear": 1, "history": "4d", "least": 1},
    "composite": {
        "kind": "composite",
        "terms": {
            "hot": {
                "watch": {"observed_property": "heat"},
                "when": {"kind": "threshold", "above": 6},
            },
            "wet": {
                "watch": {"observed_property": "rain"},
                "when": {"kind": "rate", "rise": 3, "over": "4h"},
            },
        },
        "logic": {"all": ["hot", {"not": "wet"}]},
        "for": "1h",
    },
}  # fmt: skip


class Air:
    """A stream of the lighting department: two things with two datastreams each."""

    def __init__(self, city: City, folder: Path) -> None:
        self.city, self.folder = city, folder
        self.store = city.store
        drafts = [
            DatastreamDraft(
                thing=f"pole-{thing}",
                name=f"{what} {thing}",
                observed_property=what,
                unit="Cel",
                thing_name=f"Pole {thing}",
                place=(24.9 + thing / 100, 60.2),
            )
            for thing in (1, 2)
            for what in ("heat", "rain")
        ]
        self.resource: Resource
        with self.store.begin() as session:
            self.resource, self.numbers = published_stream(
                session, city.lights, "air", LocalText(zh="空气", en="Air"), drafts
            )
        self.observations = self.opened()
        self.memory = Memory()
        self.gate = Gate(self.store)

    def opened(self) -> Observations:
        tables = str(self.folder / "tables")
        return Observations(self.store, self.folder, tables, threads=1)

    def put(self, rows: list[tuple[int, datetime, float]]) -> None:
        observe(self.observations, rows)

    def judge(self) -> int:
        source = observed(self.store, self.observations)
        return judge_new(self.store, source, self.memory, "Asia/Shanghai")

    def rule(self, when: dict[str, Any], who: Caller | None = None, **more: Any) -> KeptRule:
        """A live rule, whose alerts are told of at once unless ``group_wait`` says otherwise."""
        said = {
            "id": "r",
            "title": {"zh": "太热", "en": "Too hot"},
            "stream": "air",
            "group_wait": "0s",
        }
        with self.store.begin() as session:
            rule = parse_rule({**said, "when": when, **more})
            return keep_rule(session, who or self.city.lights, rule, RuleState.LIVE)

    def alerts(self, wanted: AlertFilter = ALL, who: Caller | None = None) -> list[Alert]:
        with self.store.read() as session:
            sight = sight_of(session, who or self.city.lights, self.gate)
            return list(find_alerts(session, sight, wanted).alerts)

    def said(self) -> list[tuple[str, datetime, datetime | None, float | None]]:
        return sorted((a.subject, a.began_at, a.ended_at, a.peak) for a in self.alerts())

    def tested(self, kept: KeptRule, end: datetime) -> list[tuple[Any, ...]]:
        with self.store.read() as session:
            subjects, _ = subjects_of(session, self.resource.id, kept.rule)
        source = observed(self.store, self.observations)
        made = back_test(
            kept.rule,
            subjects,
            source.history_for(kept.rule),
            start=int(T0.timestamp() * 1e6),
            end=int(end.timestamp() * 1e6),
            zone="Asia/Shanghai",
        )
        return sorted(
            (e.subject, _at(e.begin), None if e.end is None else _at(e.end), e.peak)
            for e in made.episodes
        )

    def close(self) -> None:
        self.gate.close()
        self.observations.close()

    def due_now(self) -> None:
        """As if time had passed for all that waits."""
        with self.store.begin() as session:
            for row in session.query(AlertRow):
                for name in ("escalate_at", "order_at", "recheck_at"):
                    if getattr(row, name) is not None:
                        setattr(row, name, now() - timedelta(seconds=1))


def _at(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def walk(seed: int, hours: int = 240) -> list[list[tuple[int, datetime, float]]]:
    """Batches of observations of four datastreams, by number 0…3, with gaps."""
    rng = random.Random(seed)
    batches: list[list[tuple[int, datetime, float]]] = []
    values = [5.0] * 4
    for hour in range(hours):
        batch = []
        for n in range(4):
            values[n] = min(10.0, max(0.0, values[n] + rng.uniform(-2, 2)))
            if rng.random() < 0.9:
                batch.append((n, T0 + hour * HOUR, round(values[n], 2)))
        batches.append(batch)
    return batches
