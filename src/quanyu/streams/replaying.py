"""Observations that are played back again and again, so that a stream lives without a sensor.

What is played is one table in a file: a row for each step, a column for each datastream, from the
first row again after the last. When a row is due follows from the clock alone, and an observation
that is there already is not taken in anew: who plays may stop and begin at any time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from quanyu.kernel import Invalid, whole_file
from quanyu.streams.observations import Observations, observation_schema

if TYPE_CHECKING:
    import pyarrow as pa

REPLAY_FILE = "replay.parquet"
"""In the node's folder; the node plays it while it runs."""
REPLAYED = "replay"
"""What the result quality of each played observation says."""
_ABOUT = b"replay"
_MOST_STEPS = 20_000


@dataclass(frozen=True, slots=True)
class Replay:
    """What is played: ``values`` has a column of numbers for each datastream, named by its number;
    its first row was at ``began``, each other one ``step`` later. ``features`` are the features of
    interest by datastream."""

    values: "pa.Table"
    began: datetime
    step: timedelta
    features: Mapping[int, int | None]

    @property
    def datastreams(self) -> list[int]:
        """Numbers of the datastreams that are played."""
        return [int(name) for name in self.values.column_names]


def keep_replay(path: Path, replay: Replay) -> None:
    """Write it to a file, whole or not at all."""
    import pyarrow.parquet as pq

    about = {
        "began": replay.began.isoformat(),
        "step_s": replay.step.total_seconds(),
        "features": [replay.features.get(one) for one in replay.datastreams],
    }
    with whole_file(path) as unfinished:
        values = replay.values.replace_schema_metadata({_ABOUT: orjson.dumps(about)})
        pq.write_table(values, unfinished)


def read_replay(path: Path) -> Replay:
    """Read such a file; raises :class:`Invalid` for any other."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        about: dict[str, Any] = orjson.loads((table.schema.metadata or {})[_ABOUT])
        began = datetime.fromisoformat(about["began"]).astimezone(UTC)
        step = timedelta(seconds=about["step_s"])
        numbers = [int(name) for name in table.column_names]
        features = dict(zip(numbers, about["features"], strict=True))
    except (pa.ArrowInvalid, KeyError, ValueError, TypeError) as error:
        raise Invalid("this file holds no replay", field="replay", mend="make it anew") from error
    if not len(table) or step <= timedelta():
        raise Invalid("there is nothing to play", field="replay", mend="make it anew")
    return Replay(table, began, step, features)


def play(observations: Observations, replay: Replay, since: datetime, until: datetime) -> int:
    """Take in what was due after ``since``, up to ``until``; how many observations.

    At most the last :data:`_MOST_STEPS` steps: who did not look for a year has a gap.
    """
    import numpy as np
    import pyarrow as pa

    last = (until - replay.began) // replay.step
    first = max((since - replay.began) // replay.step, last - _MOST_STEPS) + 1
    if first > last:
        return 0
    steps = np.arange(first, last + 1)
    micros = int(replay.began.timestamp() * 1e6) + steps * (
        replay.step // timedelta(microseconds=1)
    )
    start = pa.array(micros, pa.int64()).cast(observation_schema().field("start").type)
    rows = replay.values.take(pa.array(steps % len(replay.values)))
    parts = []
    for number in replay.datastreams:
        part = pa.table(
            {
                "datastream": pa.repeat(pa.scalar(number, pa.int64()), len(steps)),
                "start": start,
                "number": rows[str(number)],
                "quality": pa.repeat(pa.scalar(REPLAYED), len(steps)),
                "feature": pa.repeat(
                    pa.scalar(replay.features.get(number), pa.int64()), len(steps)
                ),
            }
        )
        parts.append(part)
    table = pa.concat_tables(parts).sort_by([("start", "ascending"), ("datastream", "ascending")])
    observations.append(table.combine_chunks())
    return len(table)


def play_on(observations: Observations, replay: Replay, moment: datetime) -> int:
    """Go on from the newest observation of what is played up to now; how many observations.

    Where there is none nothing is played: who made the replay says where it begins.
    """
    import pyarrow.compute as pc

    newest: datetime | None = pc.max(observations.latest(replay.datastreams)["start"]).as_py()
    return 0 if newest is None else play(observations, replay, newest, moment)
