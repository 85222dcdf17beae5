"""A back-test drawn: how much was raised day by day, and one series with its episodes."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import numpy as np
from fastapi import Request

from quanyu.kernel import day_in_zone, in_zone
from quanyu.operations import BackTest, Rule, instant
from quanyu.streams import Selection
from quanyu.web.node import Node
from quanyu.web.portal.visit import say

Drawn = tuple[dict[str, Any], tuple[list[str], list[list[Any]]]]
MOST_POINTS = 1_200
_MOST_DRAWN = 200
_DAY_MS = 86_400_000


def test_charts(
    request: Request,
    node: Node,
    rule: Rule,
    made: BackTest,
    names: dict[str, str],
    *,
    own: bool,
) -> dict[str, Any]:
    """Options and tables of the charts; ``series`` is ``None`` where there is nothing to draw, or
    the stream is not the visitor's ``own``."""
    zone = node.settings.time_zone
    return {
        "by_day": _by_day(request, made, zone),
        "series": _series(request, node, rule, made, names) if own else None,
    }


def _by_day(request: Request, made: BackTest, zone: str) -> Drawn:
    counts = Counter(day_in_zone(instant(one.begin), zone) for one in made.episodes)
    days = sorted(counts)
    name = say(request, "Raised")
    option = {
        "xAxis": {"type": "time", "minInterval": _DAY_MS},
        "yAxis": {"type": "value"},
        "series": [
            {
                "type": "bar",
                "name": name,
                "data": [[day.isoformat(), counts[day]] for day in days],
            }
        ],
    }
    table = ([say(request, "Day"), name], [[day.isoformat(), counts[day]] for day in days])
    return option, table


def _series(
    request: Request, node: Node, rule: Rule, made: BackTest, names: dict[str, str]
) -> Drawn | None:
    """The datastream that raised most, with what was raised as bands."""
    counts = Counter(one.subject for one in made.episodes if one.subject.isdigit())
    if not counts:
        return None
    subject = counts.most_common(1)[0][0]
    table = node.observations.select(
        Selection(
            datastreams=[int(subject)],
            start=instant(made.start),
            end=instant(made.end),
        )
    )
    values = table["number"].to_numpy()
    times = table["start"].to_numpy().astype("datetime64[ms]").astype("i8")
    good = ~np.isnan(values.astype("f8"))
    points = _thinned(times[good], values[good].astype("f8"))
    if not points:
        return None
    bands = [
        [
            {"xAxis": one.begin // 1000},
            {"xAxis": (made.end if one.end is None else min(one.end, made.end)) // 1000},
        ]
        for one in made.episodes
        if one.subject == subject
    ][:_MOST_DRAWN]
    name = names.get(subject, subject)
    series: dict[str, Any] = {
        "type": "line",
        "name": name,
        "data": points,
        "lineStyle": {"width": 1.2},
        "markArea": {
            "silent": True,
            "itemStyle": {"color": "color-mix(in srgb, var(--seal) 22%, transparent)"},
            "data": bands,
        },
    }
    if lines := _bounds(rule):
        series["markLine"] = {
            "silent": True,
            "symbol": "none",
            "label": {"position": "insideEndTop"},
            "lineStyle": {"color": "var(--seal)", "type": "dashed"},
            "data": [{"yAxis": value} for value in lines],
        }
    option = {"xAxis": {"type": "time"}, "yAxis": {"type": "value"}, "series": [series]}
    zone = node.settings.time_zone
    rows = [
        [in_zone(datetime.fromtimestamp(at / 1000, UTC), zone), value]
        for at, value in points[:: max(1, len(points) // 100)]
    ]
    return option, ([say(request, "Time"), name], rows)


def _thinned(times: Any, values: Any) -> list[list[float]]:
    """At most so many points: of each stretch the least and the greatest, in their order."""
    if len(times) <= MOST_POINTS:
        return [list(pair) for pair in zip(times.tolist(), values.tolist(), strict=True)]
    edges = np.linspace(0, len(times), MOST_POINTS // 2 + 1).astype("i8")[:-1]
    stretch = np.searchsorted(edges, np.arange(len(times)), side="right") - 1
    order = np.lexsort((values, stretch))
    first = np.searchsorted(stretch[order], np.arange(len(edges)))
    last = np.append(first[1:], len(times)) - 1
    chosen = np.unique(np.concatenate([order[first], order[last]]))
    pairs = zip(times[chosen].tolist(), values[chosen].tolist(), strict=True)
    return [list(pair) for pair in pairs]


def _bounds(rule: Rule) -> list[float]:
    when = rule.document.get("when", {})
    return [when[name] for name in ("above", "below") if name in when]
