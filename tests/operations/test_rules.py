"""Rules as pure functions: what is declared, how rows fold into episodes, back-tests."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quanyu.kernel import Invalid
from quanyu.operations import Subject, back_test, parse_rule, read_rules, rule_schema
from quanyu.operations.rules.folding import OPEN, Array, fresh
from quanyu.operations.rules.model import Composite, Rule, Simple
from quanyu.operations.rules.rows import Look, Rows, rows_of
from quanyu.operations.rules.signals import judge

H = 3_600_000_000
AIR = Path(__file__).parents[3] / "shared" / "data" / "real" / "air"
HEAD = {"id": "r", "title": {"zh": "规则", "en": "Rule"}, "stream": "air"}
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]}
OPEN_RING = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}
ABOVE = {"kind": "threshold", "above": 3}
WHENS: dict[str, dict[str, Any]] = {
    "threshold": {"kind": "threshold", "above": 6, "clear_below": 4, "for": "2h"},
    "outside": {"kind": "threshold", "above": 8, "below": 2, "for": "1h"},
    "rate": {"kind": "rate", "rise": 3, "fall": 4, "over": "3h"},
    "missing": {"kind": "missing", "for": "2h"},
    "geofence": {"kind": "geofence", "area": SQUARE, "for": "1h"},
    "anomaly": {"kind": "anomaly", "score": 2, "clear": 1, "history": "3d", "least": 1},
}


def rule(when: dict[str, Any], **more: Any) -> Rule:
    return parse_rule({**HEAD, "when": when, **more})


def table(rows: list[tuple[int, int, float | None]]) -> pa.Table:
    """Observations of datastream, hour and value; a position that follows the value."""
    streams, hours, values = zip(*rows, strict=True) if rows else ((), (), ())
    points = [
        None if v is None else json.dumps({"type": "Point", "coordinates": [v / 2, 1]})
        for v in values
    ]
    return pa.table(
        {
            "datastream": pa.array(streams, pa.int64()),
            "start": pa.array([h * H for h in hours], pa.timestamp("us", "UTC")),
            "number": pa.array(values, pa.float64()),
            "json": pa.array(points, pa.string()),
        }
    )


def over(whole: pa.Table) -> Any:
    start = whole["start"].cast(pa.int64()).to_numpy()

    def history(ids: Any, begin: int, end: int) -> pa.Table:
        wanted = np.isin(whole["datastream"].to_numpy(), list(ids))
        return whole.filter(pa.array(wanted & (start >= begin) & (start < end)))

    return history


def plain(when: Simple, rows: list[tuple[int, float]]) -> list[tuple[int, int | None]]:
    """Episodes of one datastream by a loop, of thresholds and missing data."""
    found: list[tuple[int, int | None]] = []
    since = begin = before = None
    name = type(when).__name__
    for at, value in rows:
        if name == "Missing":
            if before is not None and at - before > when.lasts:
                found.append((before + when.lasts, at))
            before = at
            continue
        high = (when.above is not None and value > when.above) or (
            when.below is not None and value < when.below
        )
        low = (when.above is None or value <= when.clear_below) and (
            when.below is None or value >= when.clear_above
        )
        if high and since is None:
            since = at
        if since is not None and low:
            if begin is not None:
                found.append((begin, at))
            since = begin = None
        if since is not None and begin is None and at - since >= when.lasts:
            begin = at
    if begin is not None:
        found.append((begin, None))
    return found


series = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.integers(0, 40),
        st.one_of(st.none(), st.integers(0, 10).map(float)),
    ),
    max_size=60,
    unique_by=lambda row: row[:2],
).map(sorted)


def folded(
    when: Simple, rows: Rows, state: Array, look: Look
) -> tuple[Array, list[tuple[Any, ...]]]:
    after, episodes = judge(when, state, rows, look)
    return after, [tuple(one) for one in episodes.tolist()]


@pytest.mark.parametrize("kind", list(WHENS))
@settings(max_examples=40)
@given(rows=series, cut=st.integers(-1, 41))
def test_folding_in_parts_is_folding_at_once(
    kind: str, rows: list[tuple[int, int, float | None]], cut: int
) -> None:
    when = rule(WHENS[kind]).when
    ids = [1, 2, 3]
    whole = table(rows)
    look = Look(ids, over(whole), "Asia/Shanghai", 41 * H)
    early = Look(ids, over(whole), "Asia/Shanghai", 0)
    every = rows_of(whole, ids)
    last, at_once = folded(when, every, fresh(3), look)
    middle, first = folded(when, every.where(every.time <= cut * H), fresh(3), early)
    end, second = folded(when, every, middle, look)
    assert sorted(map(repr, [one for one in first if one[2] != OPEN] + second)) == sorted(
        map(repr, at_once)
    )
    assert last.tolist() == end.tolist() or repr(last) == repr(end)


@pytest.mark.parametrize("kind", ["threshold", "outside", "missing"])
@settings(max_examples=60)
@given(rows=series)
def test_episodes_are_those_of_a_loop(kind: str, rows: list[tuple[int, int, float | None]]) -> None:
    given_rows = [(s, h, 0.0 if v is None else v) for s, h, v in rows]
    one = rule(WHENS[kind])
    made = back_test(
        one,
        [Subject(str(n), {"": (n,)}) for n in (1, 2, 3)],
        over(table(given_rows)),  # type: ignore[arg-type]
        start=0,
        end=0,
        zone="UTC",
    )
    assert made.raised == 0
    made = back_test(
        one,
        [Subject(str(n), {"": (n,)}) for n in (1, 2, 3)],
        over(table(given_rows)),  # type: ignore[arg-type]
        start=0,
        end=41 * H,
        zone="UTC",
    )
    for n in (1, 2, 3):
        mine = [(h * H, v) for s, h, v in given_rows if s == n]
        assert not isinstance(one.when, Composite)
        wanted = plain(one.when, mine)
        if kind == "missing" and mine and 41 * H - mine[-1][0] > 2 * H:
            wanted.append((mine[-1][0] + 2 * H, None))
        assert [(e.begin, e.end) for e in made.episodes if e.subject == str(n)] == wanted


@settings(max_examples=60)
@given(rows=series)
def test_a_composite_is_its_logic_hour_by_hour(
    rows: list[tuple[int, int, float | None]],
) -> None:
    values = [(s, h, 0.0 if v is None else v) for s, h, v in rows]
    when = {
        "kind": "composite",
        "by": "all",
        "terms": {
            "high": {"when": {"kind": "threshold", "above": 6}, "count": 2},
            "low": {"when": {"kind": "threshold", "below": 3}},
        },
        "logic": {"any": ["high", {"all": ["low", {"not": "high"}]}]},
    }
    members = {"high": (1, 2, 3), "low": (1, 2, 3)}
    made = back_test(
        rule(when),
        [Subject("all", members)],
        over(table(values)),  # type: ignore[arg-type]
        start=0,
        end=41 * H,
        zone="UTC",
    )
    latest: dict[int, float] = {}
    held: list[tuple[int, bool]] = []
    for hour in sorted({h for _, h, _ in values}):
        latest |= {s: v for s, h, v in values if h == hour}
        high = sum(v > 6 for v in latest.values()) >= 2
        low = any(v < 3 for v in latest.values())
        held.append((hour * H, high or (low and not high)))
    wanted: list[tuple[int, int | None]] = []
    for at, true in held:
        if true and not (wanted and wanted[-1][1] is None):
            wanted.append((at, None))
        elif not true and wanted and wanted[-1][1] is None:
            wanted[-1] = (wanted[-1][0], at)
    assert [(e.begin, e.end) for e in made.episodes] == wanted


def test_five_years_of_beijing_air() -> None:
    file = AIR / "beijing-pm25-2010-2014.csv"
    if not file.exists():
        pytest.skip("no real data here")
    from pyarrow import compute as pc
    from pyarrow import csv

    read = csv.read_csv(
        file, csv.ReadOptions(skip_rows=1), convert_options=csv.ConvertOptions(null_values=["NA"])
    )
    read = read.filter(pc.is_valid(read["pm2.5"]))
    start = [
        datetime(*when, tzinfo=UTC)
        for when in zip(
            *(read[n].to_pylist() for n in ("year", "month", "day", "hour")), strict=True
        )
    ]
    whole = pa.table(
        {
            "datastream": pa.array([1] * len(start), pa.int64()),
            "start": pa.array(start, pa.timestamp("us", "UTC")),
            "number": read["pm2.5"].cast(pa.float64()),
        }
    )
    begin, end = (int(datetime(y, 1, 1, tzinfo=UTC).timestamp() * 1e6) for y in (2010, 2015))
    made = back_test(
        rule({"kind": "threshold", "above": 150, "clear_below": 115, "for": "3h"}),
        [Subject("1", {"": (1,)})],
        over(whole),
        start=begin,
        end=end,
        zone="Asia/Shanghai",
    )
    assert (made.rows, made.raised, made.firing // H, made.longest // H) == (
        41_757,
        490,
        9_104,
        160,
    )
    assert max(one.peak or 0 for one in made.episodes) == 994


def test_robust_scores_see_what_is_unusual_at_that_hour() -> None:
    rng = np.random.default_rng(7)
    hours = range(24 * 40)
    daily = [(1, h, 50 + 20 * np.sin(h / 24 * 2 * np.pi) + rng.normal()) for h in hours]
    daily[24 * 30 + 3] = (1, 24 * 30 + 3, 90.0)
    daily[24 * 35 + 15] = (1, 24 * 35 + 15, 65.0)  # usual at another hour
    made = back_test(
        rule({"kind": "anomaly", "score": 3.5, "history": "20d"}),
        [Subject("1", {"": (1,)})],
        over(table(daily)),
        start=25 * 24 * H,
        end=40 * 24 * H,
        zone="UTC",
    )
    assert [one.begin // H for one in made.episodes] == [24 * 30 + 3, 24 * 35 + 15]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "rules"),
        ("a: [", "rules"),
        ("a: &x [1]\nb: *x", "rules"),
        ({"id": "dust"}, "title"),
        ({"when": {"kind": "threshold"}}, "when.above"),
        ({"when": {"kind": "threshold", "abov": 3}}, "when.abov"),
        ({"when": {"kind": "threshold", "above": 3, "for": "3 hours"}}, "when.for"),
        ({"when": {"kind": "threshold", "above": 3, "clear_below": 4}}, "when.clear_below"),
        ({"when": {"kind": "threshold", "above": 3, "below": 4}}, "when.below"),
        ({"when": {"kind": "threshold", "above": float("nan")}}, "rule"),
        ({"when": {"kind": "rate", "over": "1h"}}, "when.rise"),
        ({"when": {"kind": "rate", "over": "0s", "rise": 1}}, "when.over"),
        ({"when": {"kind": "missing", "for": "0s"}}, "when.for"),
        ({"when": {"kind": "anomaly", "score": 2, "clear": 3}}, "when.clear"),
        ({"when": {"kind": "anomaly", "season": "week", "history": "7d"}}, "when.history"),
        (
            {"when": {"kind": "geofence", "area": OPEN_RING}},
            "when.area.coordinates[0]",
        ),
        (
            {"when": {"kind": "composite", "terms": {"a": {"when": ABOVE}}, "logic": "b"}},
            "when.logic",
        ),
        (
            {"when": ABOVE, "escalate": [{"to": "steward", "after": "1h"}, {"to": "everybody"}]},
            "escalate[1].after",
        ),
        ({"when": {"kind": "threshold", "above": 3}, "severity": "bad"}, "severity"),
        ({"when": {"kind": "threshold", "above": 3}, "foo": 1}, "foo"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_place(text: str | dict[str, Any], field: str) -> None:
    said = text if isinstance(text, str) else None
    with pytest.raises(Invalid) as caught:
        if said is not None:
            read_rules(said)
        else:
            assert isinstance(text, dict)
            parse_rule(text if "id" in text else {**HEAD, **text})
    assert caught.value.field == field


def test_the_schema_is_a_schema_and_the_guide_is_by_it() -> None:
    import jsonschema

    jsonschema.Draft202012Validator.check_schema(rule_schema())
    for when in WHENS.values():
        document = {**HEAD, "when": when}
        jsonschema.validate(document, rule_schema())
        assert parse_rule(document).document == document
