"""SensorThings over HTTP: `quanyu serve` with two workers under wrk, gate, quota and evidence on.

    .venv/bin/python benchmarks/streams_http.py [--quick] [--peer http://host:port/v1.1]

Concurrent single observations, data arrays, and the questions that a screen asks; then the same
questions while single observations come in as fast as they go. ``--peer`` is the root of another
SensorThings server with Datastreams in it, which is driven with the same requests; ``--peer-pid``
its process, whose CPU is counted. CPU is user and system time of all of a server's processes, for
machines that are busy with other things.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import numpy as np
import pyarrow as pa

from consumers import make_member
from measure import Load, drive, drive_with, free_port, lua_table, need, stop, wait_ready
from quanyu.app import close_node, open_node
from quanyu.catalogue import Access, Kind, ResourceDraft, publish, register
from quanyu.kernel import LocalText, create_control, load_settings
from quanyu.parties import PartyKind, Role, Scope
from quanyu.streams import (
    DatastreamDraft,
    described,
    ensure_datastreams,
    move,
    observation_schema,
    sort_a_month,
)
from report import keep, table

QUANYU = Path(sys.executable).parent / "quanyu"
DATASTREAMS = 1_000
ROWS_IN_ARRAY = 5_000
WORKERS = 2
T0 = np.datetime64("2025-01-01T00:00:00", "us")
HOUR = np.timedelta64(3_600_000_000, "us")
LATEST = "$expand=" + quote("Observations($orderby=phenomenonTime desc;$top=1)", safe="$();=")
SINGLE = """
local ids, headers, at = {%(ids)s}, %(headers)s, 0
function request()
  at = at + 1
  local when = os.date('!%%Y-%%m-%%dT%%H:%%M:%%SZ', %(since)d + 2 * at + seed)
  local body = '{"phenomenonTime":"' .. when .. '","result":' .. at %% 1000 / 10
    .. ',"Datastream":{"@iot.id":' .. ids[math.random(#ids)] .. '}}'
  return wrk.format('POST', '%(path)s/Observations', headers, body)
end
"""
ARRAYS = """
local ids, headers, at, times = {%(ids)s}, %(headers)s, 0, {}
for n = 1, %(rows)d do
  times[n] = string.format('%%02d:%%02d:%%02dZ",%%.1f]', n / 3600, n / 60 %% 60, n %% 60, n / 10)
end
function request()
  at = at + 1
  local day = os.date('!%%Y-%%m-%%dT', %(since)d + (2 * at + seed) * 86400)
  local body = '[{"Datastream":{"@iot.id":' .. ids[math.random(#ids)] .. '},"components":'
    .. '["phenomenonTime","result"],"dataArray":[["' .. day
    .. table.concat(times, ',["' .. day) .. ']}]'
  return wrk.format('POST', '%(path)s/CreateObservations', headers, body)
end
"""


@dataclass(frozen=True, slots=True)
class Service:
    """A SensorThings service: its root, its Datastreams as they stand in addresses, processes."""

    root: str
    ids: list[str]
    pids: list[int]
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.root)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def path(self) -> str:
        """The path of the root."""
        return urlsplit(self.root).path


def make_node(folder: Path, hours: int) -> tuple[str, list[str]]:
    """A node with a stream of hourly values; the token of its provider, and the Datastreams."""
    control = create_control(load_settings(dir=folder))
    with control.begin() as session:
        caller, secret = make_member(
            session, PartyKind.CITY_NODE, list(Role), [Scope.READ, Scope.WRITE]
        )
        if caller.party is None:
            raise ValueError("a member has no party")
        draft = ResourceDraft(
            slug="bench",
            kind=Kind.STREAM,
            title=LocalText(en="Bench"),
            abstract=LocalText(en="Made-up values"),
            provider=caller.party,
            licence="by-agreement",
            access=Access.SHARED,
        )
        of = register(session, draft, caller)
        publish(session, of.id, caller, reviewed=False)
        drafts = [
            DatastreamDraft(
                thing=f"thing {n // 2}",
                name=f"value {n % 2}",
                observed_property="power",
                unit="W",
                place=(116 + n / 1e4, 39.9),
            )
            for n in range(DATASTREAMS)
        ]
        numbers = ensure_datastreams(session, of.id, drafts)
        known = described(session, numbers)
    control.close()
    fill(folder, np.array(numbers), hours)
    return secret, [f"'{known[number].id}'" for number in numbers]


def fill(folder: Path, numbers: Any, hours: int) -> None:
    """Hourly values of all datastreams, moved into the table."""
    node = open_node(load_settings(dir=folder))
    moment = observation_schema().field("start").type
    for first in range(0, hours * DATASTREAMS, 100_000):
        place = np.arange(first, min(first + 100_000, hours * DATASTREAMS))
        rows = {
            "datastream": pa.array(numbers[place % DATASTREAMS]),
            "start": pa.array(T0 + (place // DATASTREAMS) * HOUR).cast(moment),
            "number": pa.array(np.round(np.sin(place / 1e4), 3)),
        }
        node.observations.append(pa.table(rows))
        move(node.observations)
    while sort_a_month(node.observations) is not None:
        pass
    close_node(node)


@contextmanager
def ours(folder: Path, hours: int) -> Iterator[Service]:
    """The server of a new node."""
    secret, ids = make_node(folder, hours)
    port = free_port()
    server = subprocess.Popen(
        [
            str(QUANYU),
            "serve",
            "--dir",
            str(folder),
            "--port",
            str(port),
            "--workers",
            str(WORKERS),
        ],
        env=os.environ | {"QUANYU_LOG_LEVEL": "warning"},
        stdout=subprocess.DEVNULL,
    )
    try:
        base = f"http://127.0.0.1:{port}"
        wait_ready(f"{base}/readyz")
        headers = {"Authorization": f"Bearer {secret}"}
        yield Service(f"{base}/sensorthings/bench/v1.1", ids, [server.pid], headers)
    finally:
        stop(server)


def peer(root: str, pids: list[int]) -> Service:
    """Another server, with the Datastreams that it has."""
    answer = httpx.get(f"{root}/Datastreams", params={"$top": DATASTREAMS, "$select": "id"})
    found = [one["@iot.id"] for one in answer.raise_for_status().json()["value"]]
    ids = [str(one) if isinstance(one, int) else f"'{one}'" for one in found]
    return Service(root.rstrip("/"), ids, pids)


def meet(of: Service) -> None:
    """An observation of each datastream, so often that each worker has seen them all."""
    for second in range(4 * WORKERS):
        group = {"components": ["phenomenonTime", "result"]}
        rows = {"dataArray": [[f"2028-01-01T00:00:{second:02d}Z", 1]]}
        sent = [
            {"Datastream": {"@iot.id": json.loads(_json(one))}, **group, **rows} for one in of.ids
        ]
        url = f"{of.root}/CreateObservations"
        httpx.post(url, json=sent, headers=of.headers, timeout=120).raise_for_status()


def write(of: Service, script: str, since: datetime, seconds: int, connections: int) -> Load:
    """Observations that are sent as fast as they are taken; times from ``since`` on are new."""
    said = {
        "ids": ", ".join(f"'{_json(one)}'" for one in of.ids),
        "headers": lua_table({"Content-Type": "application/json", **of.headers}),
        "since": int(since.timestamp()),
        "path": of.path,
        "rows": ROWS_IN_ARRAY,
    }
    return drive_with(of.base, script % said, of.pids, seconds=seconds, connections=connections)


def _json(identifier: str) -> str:
    return f'"{identifier[1:-1]}"' if identifier.startswith("'") else identifier


def questions(of: Service) -> dict[str, list[str]]:
    """What is asked, each of many datastreams."""
    each = [f"{of.path}/Datastreams({quote(one)})" for one in of.ids]
    return {
        "latest value by $expand": [f"{one}?{LATEST}" for one in each],
        "1,000 rows": [f"{one}/Observations?$top=1000" for one in each],
        "1,000 rows, data array": [
            f"{one}/Observations?$top=1000&$resultFormat=dataArray" for one in each
        ],
        "count of all": [f"{of.path}/Observations?$count=true&$top=0"],
    }


def measured(of: Service, seconds: int) -> dict[str, Load]:
    """All figures of a service, once each of its processes knows all datastreams. Arrays come
    last: what they leave to be put in order is no rest."""
    meet(of)
    write(of, SINGLE, datetime(2029, 1, 1, tzinfo=UTC), seconds, 64)
    found: dict[str, Load] = {}
    for name, paths in questions(of).items():
        drive(of.base, paths, of.pids, seconds=1, headers=of.headers, connections=1)
        found[name] = drive(
            of.base, paths, of.pids, seconds=seconds, headers=of.headers, connections=1
        )
    found["single observations, 64 clients"] = write(
        of, SINGLE, datetime(2030, 1, 1, tzinfo=UTC), seconds, 64
    )
    for place, (name, paths) in enumerate(questions(of).items()):
        since = datetime(2050 + 5 * place, 1, 1, tzinfo=UTC)
        writing = threading.Thread(target=write, args=(of, SINGLE, since, seconds + 2, 16))
        writing.start()
        time.sleep(1)
        found[f"{name}, while writing"] = drive(
            of.base, paths, of.pids, seconds=seconds, headers=of.headers, connections=1
        )
        writing.join()
    found[f"data arrays of {ROWS_IN_ARRAY:,}, 4 clients"] = write(
        of, ARRAYS, datetime(2040, 1, 1, tzinfo=UTC), seconds, 4
    )
    return found


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--hours", type=int)
    parser.add_argument("--peer")
    parser.add_argument("--peer-pid", type=int, action="append", default=[])
    given = parser.parse_args()
    need("wrk")
    seconds = 3 if given.quick else 15
    hours = given.hours or (200 if given.quick else 10_000)
    with ExitStack() as running:
        folder = running.enter_context(tempfile.TemporaryDirectory(prefix="quanyu-streams-http-"))
        services = {"quanyu": running.enter_context(ours(Path(folder), hours))}
        if given.peer:
            services["peer"] = peer(given.peer, given.peer_pid)
        figures = {name: measured(of, seconds) for name, of in services.items()}
    for name, found in figures.items():
        lines = [
            [what, one.rate, one.p50_ms, one.p99_ms, one.cpu_ms, one.errors]
            for what, one in found.items()
        ]
        table(
            f"SensorThings over HTTP, {name}",
            ("", "requests/s", "p50 ms", "p99 ms", "CPU ms/request", "errors"),
            lines,
        )
    keep(
        "streams_http",
        {
            name: {what: asdict(one) for what, one in found.items()}
            for name, found in figures.items()
        },
    )


if __name__ == "__main__":
    main()
