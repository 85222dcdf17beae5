"""Figures of the store of observations, beside a bare table on PostgreSQL in the same run.

    .venv/bin/python benchmarks/streams.py [--quick] [--rows 10000000] [--postgresql URL]

The peer is one table with the same key on Debian's PostgreSQL (fsync on), asked in plain SQL: what
a server that keeps observations there could do at best, without any of HTTP. Where no URL is given
and no server can be started, only our own figures are measured. CPU seconds are user and system
time of this process, for machines that are busy with other things.
"""

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from quanyu.kernel import ControlStore
from quanyu.spacetime import SeriesQuery, Unit
from quanyu.streams import (
    Observation,
    Observations,
    Selection,
    move,
    observation_schema,
    sort_a_month,
)
from report import keep, table

T0 = np.datetime64("2025-01-01T00:00:00", "us")
START = datetime(2025, 1, 1, tzinfo=UTC)
DATASTREAMS = 1_000
BATCH = 50_000
HOUR = np.timedelta64(3_600_000_000, "us")
_ROWS = "SELECT * FROM bare_observation WHERE datastream = 7"
_MEANS = (
    "SELECT datastream, date_trunc('{unit}', start), avg(number) FROM bare_observation {where} "
    "GROUP BY 1, 2"
)


_TOGETHER = "SELECT date_trunc('hour', start), avg(number) FROM bare_observation GROUP BY 1"


def batch(first: int, count: int, datastreams: int = DATASTREAMS) -> pa.Table:
    """Rows ``first`` to ``first + count`` of hourly values, hour by hour over all datastreams."""
    place = np.arange(first, first + count)
    moment = observation_schema().field("start").type
    return pa.table(
        {
            "datastream": pa.array(place % datastreams),
            "start": pa.array(T0 + (place // datastreams) * HOUR).cast(moment),
            "number": pa.array(np.sin(place / 1e4)),
        }
    )


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of the clock and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processor


def asked_of(peer: psycopg.Connection, sql: str) -> list[Any]:
    """What the peer answers."""
    return peer.execute(sql).fetchall()


def middle(work: Callable[[], Any], times: int = 9) -> float:
    """The median time of ``work`` in milliseconds, after one that warms."""
    work()
    return statistics.median(timed(work)[0] for _ in range(times)) * 1000


@contextmanager
def postgresql(url: str | None) -> Iterator[psycopg.Connection | None]:
    """The peer: a bare table."""
    if url is None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if not found:
            yield None
            return
        with tempfile.TemporaryDirectory() as name:
            home = Path(name)
            home.chmod(0o777)
            user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
            binaries, data = found[-1].parent, home / "data"
            quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            quiet["cwd"] = home
            init: list[str | Path] = [*user, binaries / "initdb", "-D", data, "-U", "quanyu"]
            subprocess.run([*init, "-A", "trust"], check=True, **quiet)
            options = f"-c listen_addresses='' -c unix_socket_directories={home}"
            control: list[str | Path] = [*user, binaries / "pg_ctl", "-D", data, "-w"]
            start = [*control, "-o", options, "-l", home / "log", "start"]
            subprocess.run(start, check=True, **quiet)
            try:
                with postgresql(f"postgresql://quanyu@/postgres?host={home}") as peer:
                    yield peer
            finally:
                subprocess.run([*control, "-m", "immediate", "stop"], check=True, **quiet)
        return
    with psycopg.connect(url, autocommit=True) as peer:
        peer.execute("DROP TABLE IF EXISTS bare_observation")
        peer.execute(
            "CREATE TABLE bare_observation (datastream bigint, start timestamptz, key text, "
            "number float8, received timestamptz DEFAULT now(), "
            "PRIMARY KEY (datastream, start, key))"
        )
        yield peer


def copied(peer: psycopg.Connection, rows: pa.Table) -> None:
    """The peer's fastest way in that tolerates what is there already: copy, then insert."""
    columns = (rows[name].to_pylist() for name in ("datastream", "start", "number"))
    with peer.transaction():
        peer.execute(
            "CREATE TEMP TABLE incoming (datastream bigint, start timestamptz, number float8) "
            "ON COMMIT DROP"
        )
        with peer.cursor().copy("COPY incoming FROM STDIN") as copy:
            for row in zip(*columns, strict=True):
                copy.write_row(row)
        peer.execute(
            "INSERT INTO bare_observation SELECT datastream, start, '', number FROM incoming "
            "ON CONFLICT (datastream, start, key) DO UPDATE SET number = excluded.number"
        )


async def singles(store: Observations, count: int, at_once: int = 64) -> None:
    """Single observations of many clients at a time."""
    waiting = iter(range(count))

    async def client() -> None:
        for number in waiting:
            await store.record(
                Observation(
                    datastream=5_000_000 + number % 100,
                    start=START + timedelta(seconds=number),
                    number=1.0,
                )
            )

    await asyncio.gather(*(client() for _ in range(at_once)))


def fill(store: Observations, peer: psycopg.Connection | None, rows: int) -> list[list[object]]:
    """Load, and what that took."""
    clock = processor = moved = peer_clock = 0.0
    for first in range(0, rows, BATCH):
        piece = batch(first, min(BATCH, rows - first))
        took = timed(partial(store.append, piece))
        clock, processor = clock + took[0], processor + took[1]
        moved += timed(lambda: move(store))[0]
        if peer is not None and first < 1_000_000:
            peer_clock += timed(partial(copied, peer, piece))[0]
    while sort_a_month(store) is not None:
        pass
    told = f"{min(rows, 1_000_000) / peer_clock:,.0f}" if peer_clock else "—"
    return [
        ["batches of 50,000, observations/s", f"{rows / clock:,.0f}", told],
        ["the same by CPU seconds", f"{rows / processor:,.0f}", "—"],
        ["moved to the table, observations/s", f"{rows / moved:,.0f}", "—"],
    ]


def reads(store: Observations, rows: int) -> dict[str, tuple[Callable[[], Any], str]]:
    """Questions to us, and the SQL of the same to the peer (over what it holds)."""
    hours = rows // DATASTREAMS
    part = START + timedelta(hours=hours // 3)
    end = part + timedelta(hours=1_000)
    return {
        "latest value": (
            lambda: store.latest([7]),
            f"{_ROWS} ORDER BY start DESC LIMIT 1",
        ),
        "newest 1,000 rows": (
            lambda: store.select(Selection(datastreams=[7], order=(("start", True),), limit=1_000)),
            f"{_ROWS} ORDER BY start DESC LIMIT 1000",
        ),
        "1,000 rows of the past": (
            lambda: store.select(Selection(datastreams=[7], start=part, end=end, limit=1_000)),
            f"{_ROWS} AND start >= '2025-01-15' ORDER BY start LIMIT 1000",
        ),
        "count of all": (
            lambda: store.count(Selection()),
            "SELECT count(*) FROM bare_observation",
        ),
        "count of one year": (
            lambda: store.count(Selection(start=START, end=START + timedelta(days=365))),
            "SELECT count(*) FROM bare_observation WHERE start < '2026-01-01'",
        ),
        "means by hour, a year of 1 datastream": (
            lambda: store.aggregate(
                Selection(datastreams=[7], start=START, end=START + timedelta(days=365)),
                Unit.HOUR,
                ["mean"],
            ),
            _MEANS.format(unit="hour", where="WHERE datastream = 7"),
        ),
        "means by month, a year of 1,000": (
            lambda: store.aggregate(
                Selection(start=START, end=START + timedelta(days=365)), Unit.MONTH, ["mean"]
            ),
            _MEANS.format(unit="month", where=""),
        ),
        "means by hour, a year of 1,000": (
            lambda: store.aggregate(
                Selection(start=START, end=START + timedelta(days=365)), Unit.HOUR, ["mean"]
            ),
            _MEANS.format(unit="hour", where=""),
        ),
        "means by hour over all, a year of 1,000": (
            lambda: store.aggregate(
                Selection(start=START, end=START + timedelta(days=365)),
                Unit.HOUR,
                ["mean"],
                apart=False,
            ),
            _TOGETHER,
        ),
    }


def late(store: Observations, rows: int) -> None:
    """Half of a thousand observations from all over the past come again, the others anew."""
    place = np.random.default_rng(1).integers(0, rows, 1_000)
    again = np.arange(len(place)) % 2 == 0
    moment = observation_schema().field("start").type
    start = T0 + (place // DATASTREAMS) * HOUR + np.where(again, 0, 1).astype("timedelta64[us]")
    series = pa.array(place % DATASTREAMS)
    number = pa.array(np.zeros(len(place)))
    store.append(
        pa.table({"datastream": series, "start": pa.array(start).cast(moment), "number": number})
    )


def decoded(store: Observations) -> None:
    """Start and number of a year, out of their files and no more: what the last question costs at
    least."""
    whole = SeriesQuery(start=START, end=START + timedelta(days=365))
    with store.recent.read() as transaction:
        version = transaction.state()["long_version"]
    for path in store.table.files(version, whole)[0]:
        pq.ParquetFile(path).read(["start", "number"], use_threads=False)


def while_writing(store: Observations, rows: int, asked: Callable[[], Any]) -> tuple[float, float]:
    """Milliseconds of a question at rest, and while batches are written as fast as they go."""
    rest, stopping = middle(asked), threading.Event()

    def write() -> None:
        first = rows
        while not stopping.is_set():
            store.append(batch(first, 10_000))
            first += 10_000

    writer = threading.Thread(target=write)
    writer.start()
    try:
        return rest, middle(asked, 25)
    finally:
        stopping.set()
        writer.join()


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--postgresql")
    given = parser.parse_args()
    rows = given.rows or (300_000 if given.quick else 10_000_000)
    count = 2_000 if given.quick else 20_000
    many = 50_000 if given.quick else 1_000_000
    folder = Path(tempfile.mkdtemp(prefix="quanyu-streams-"))
    control = ControlStore(f"sqlite:///{folder / 'control.sqlite'}")
    store = Observations(control, folder, str(folder / "tables"))
    sys.setswitchinterval(0.0005)  # as the server has it
    try:
        with postgresql(given.postgresql) as peer:
            lines = fill(store, peer, rows)
            clock, processor = timed(lambda: asyncio.run(singles(store, count)))
            lines.append(["single, 64 clients, observations/s", f"{count / clock:,.0f}", "—"])
            lines.append(["the same by CPU seconds", f"{count / processor:,.0f}", "—"])
            for name, (ours, sql) in reads(store, rows).items():
                theirs = "—"
                if peer is not None:
                    theirs = f"{middle(partial(asked_of, peer, sql), 3):,.1f}"
                lines.append([f"{name}, ms", f"{middle(ours):,.1f}", theirs])
            lines.append(
                ["the same, decoding alone, ms", f"{middle(lambda: decoded(store)):,.1f}", "—"]
            )
            late(store, rows)
            asked = reads(store, rows)
            first = timed(asked["count of all"][0])[0] * 1000
            lines.append(["count of all, 1,000 late rows just come, ms", f"{first:,.1f}", "—"])
            for name in ("count of all", "means by hour over all, a year of 1,000"):
                told = f"{middle(asked[name][0], 5):,.1f}"
                lines.append([f"{name}, 1,000 late rows waiting, ms", told, "—"])
            latest = store.latest
            rest, busy = while_writing(store, rows, lambda: latest(list(range(100))))
            lines.append(["latest of 100, while writing ÷ at rest", f"{busy / rest:.1f}", "—"])
            whole = Selection(datastreams=[7], order=(("start", True),), limit=1_000)
            rest, busy = while_writing(store, rows * 2, lambda: store.select(whole))
            lines.append(["newest 1,000, while writing ÷ at rest", f"{busy / rest:.1f}", "—"])
            for first in range(0, many, BATCH):
                store.append(batch(10 * rows + first, BATCH, many))
            million = middle(lambda: store.latest([many - 7]))
            lines.append([f"latest value among {many:,} datastreams, ms", f"{million:,.1f}", "—"])
        told = f"{rows:,} rows of {DATASTREAMS:,} datastreams; the peer holds {min(rows, 10**6):,}"
        table(f"Observations: {told}", ("", "quanyu", "bare table on PostgreSQL"), lines)
        keep("streams", {"rows": rows, "lines": lines})
    finally:
        store.close()
        control.close()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
