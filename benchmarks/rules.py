"""Rules judged over observations: arrays beside a plain loop over rows.

    python benchmarks/rules.py [--quick]

A threshold with hysteresis and a duration, over seeded walks of 1,000 datastreams of 1,000
observations (100 × 1,000 with ``--quick``). Both find the same episodes, or this fails. Figures are
seconds of CPU of this process, from the table of observations to the episodes.
"""

import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from quanyu.operations import Subject, back_test, parse_rule
from report import keep
from report import table as table_of

ABOVE, CLEAR, LASTS = 65.0, 55.0, 2 * 3_600_000_000
HOUR = 3_600_000_000
RULE = {
    "id": "high",
    "title": {"zh": "高", "en": "High"},
    "stream": "walks",
    "when": {"kind": "threshold", "above": ABOVE, "clear_below": CLEAR, "for": "2h"},
}


def walks(streams: int, each: int) -> pa.Table:
    """Seeded walks, an observation an hour."""
    rng = np.random.default_rng(11)
    values = 50 + np.cumsum(rng.normal(size=(streams, each)), axis=1) % 40
    return pa.table(
        {
            "datastream": np.repeat(np.arange(streams), each),
            "start": pa.array(np.tile(np.arange(each) * HOUR, streams), pa.timestamp("us", "UTC")),
            "number": values.ravel(),
        }
    )


def loop(rows: list[tuple[int, int, float]]) -> list[tuple[int, int, int | None]]:
    """The same by a plain loop with a state for each datastream."""
    found: list[list[Any]] = []
    state: dict[int, list[Any]] = {}
    for stream, at, value in rows:
        mine = state.setdefault(stream, [None, None])
        if value > ABOVE and mine[0] is None:
            mine[0] = at
        elif value <= CLEAR and mine[0] is not None:
            if mine[1] is not None:
                mine[1][2] = at
            mine[0] = mine[1] = None
        if mine[0] is not None and mine[1] is None and at - mine[0] >= LASTS:
            found.append([stream, at, None])
            mine[1] = found[-1]
    return sorted((s, b, e) for s, b, e in found)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    streams = 100 if parser.parse_args(arguments).quick else 1_000
    table = walks(streams, 1_000)
    rule = parse_rule(RULE)
    subjects = [Subject(str(n), {"": (n,)}) for n in range(streams)]
    stream = table["datastream"].to_numpy()

    def history(ids: Sequence[int], _start: int, _end: int) -> pa.Table:
        low, high = np.searchsorted(stream, (min(ids), max(ids) + 1))
        return table.slice(int(low), int(high - low))

    began = time.process_time()
    made = back_test(rule, subjects, history, start=0, end=1_000 * HOUR, zone="UTC")
    arrays = time.process_time() - began
    began = time.process_time()
    starts = table["start"].cast(pa.int64()).to_pylist()
    rows = list(zip(stream.tolist(), starts, table["number"].to_pylist(), strict=True))
    plain = loop(rows)
    looped = time.process_time() - began
    said = sorted((int(one.subject), one.begin, one.end) for one in made.episodes)
    if said != plain:
        raise SystemExit("arrays and loop do not find the same episodes")
    figures = {
        "observations": len(rows),
        "episodes": len(plain),
        "cpu_s": round(arrays, 3),
        "per_s": round(len(rows) / arrays),
        "loop_cpu_s": round(looped, 3),
        "ratio": round(looped / arrays, 1),
    }
    table_of("Rules", tuple(figures), [tuple(figures.values())])
    keep("rules", figures)


if __name__ == "__main__":
    main()
