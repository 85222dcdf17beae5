"""Everything at a place, over 50 collections of 10 million features in all, beside PostGIS.

quanyu answers one request with the gate on: a token of a party under an agreement for each of ten
of the collections, the others open; every collection that answers is a use with its leaf. Beside
it, in the same run, the same question is put to the same rows in 50 tables of PostGIS, one indexed
``ST_Intersects`` or ``ST_DWithin`` after another over one open connection, without any gate; and
to tipg over the same tables, a request with a box for each (points get the box around the circle).
``--quick`` takes 10 collections of 100,000 features in all; ``--features`` any other number.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import shapely

import peers
from consumers import PURPOSE, agree_on, make_consumer
from measure import cpu_seconds, free_port, stop, tree, wait_ready
from report import OUT, keep, table

QUANYU = Path(sys.executable).parent / "quanyu"
WEST, SOUTH, EAST, NORTH = 116.2, 39.8, 116.6, 40.1
AGREED = 5  # every fifth collection is under an agreement
LIMIT = 10
METRES = 30
COPIES = 8 << 30  # bytes of serving copies: those of ten million features do not fit the default
HALF = 0.00008  # degrees, half the side of an area


def main() -> None:
    """Make the data, ask both sides the same places, check that they agree, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--features", type=int, default=10_000_000)
    given = parser.parse_args()
    collections, features = (10, 100_000) if given.quick else (50, given.features)
    asked = 60 if given.quick else 200
    each = features // collections
    OUT.mkdir(exist_ok=True)
    city = OUT / f"place-{collections}-{each}"
    secret = make_city(city, collections, each)
    places = random_places(asked)
    with ExitStack() as running:
        dsn, postmaster = running.enter_context(peers.postgis())
        load(dsn, collections, each)
        port, tipg_port = free_port(), free_port()
        server = subprocess.Popen(
            [str(QUANYU), "serve", "--dir", str(city), "--port", str(port), "--workers", "1"],
            env=os.environ | {"QUANYU_CACHE_BYTES": str(COPIES)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        running.callback(stop, server)
        base = f"http://127.0.0.1:{port}"
        wait_ready(f"{base}/readyz", seconds=600)
        tipg = peers.tipg(dsn, tipg_port)
        running.callback(stop, tipg)
        wait_ready(f"http://127.0.0.1:{tipg_port}/collections", seconds=600)
        headers = {"authorization": f"Bearer {secret}"}
        with (
            httpx.Client(base_url=base, headers=headers, timeout=600) as client,
            httpx.Client(base_url=f"http://127.0.0.1:{tipg_port}", timeout=600) as peer,
            psycopg.connect(dsn, autocommit=True) as connection,
        ):
            agree(client, connection, places[:20], collections)
            figures = {
                "collections": collections,
                "features": features,
                "quanyu": measure(lambda place: ask(client, place), places, [server.pid]),
                "postgis": measure(
                    lambda place: ask_postgis(connection, place, collections),
                    places,
                    [postmaster, os.getpid()],
                ),
                "tipg": measure(
                    lambda place: ask_tipg(peer, place, collections),
                    places[: asked // 5],
                    [postmaster, tipg.pid],
                ),
                "load": os.getloadavg(),
            }
    show(figures)
    keep("place-quick" if given.quick else "place", figures)


def random_places(count: int) -> list[tuple[str, Any]]:
    """Half points with metres around, half boxes some hundred metres wide."""
    random = np.random.default_rng(11)
    x, y = random.uniform(WEST, EAST - 0.01, count), random.uniform(SOUTH, NORTH - 0.01, count)
    wide = random.uniform(0.0005, 0.003, count)
    return [
        ("point", (float(x[n]), float(y[n])))
        if n % 2
        else ("box", (float(x[n]), float(y[n]), float(x[n] + wide[n]), float(y[n] + wide[n])))
        for n in range(count)
    ]


def rows(number: int, each: int) -> pa.Table:
    """Rows of one collection: points in three of five, small areas in two."""
    random = np.random.default_rng(number)
    x, y = random.uniform(WEST, EAST, each), random.uniform(SOUTH, NORTH, each)
    half = HALF if areas(number) else 0.0
    return pa.table(
        {
            "id": np.arange(each),
            "name": pa.array([f"{number}-{n}" for n in range(each)]),
            "category": random.integers(0, 20, each).astype(str),
            "value": random.normal(0, 1, each).round(3),
            "west": x - half, "south": y - half, "east": x + half, "north": y + half,
        }
    )  # fmt: skip


def areas(number: int) -> bool:
    """Whether a collection holds areas."""
    return number % 5 >= 3


def make_city(city: Path, collections: int, each: int) -> str:
    """A node with that many collections; returns the token of its consumer."""
    token = city / "bench-token"
    if token.exists():
        return token.read_text()
    from quanyu.catalogue import Access, Description
    from quanyu.cli.data import open_desk, put_on_show
    from quanyu.kernel import LocalText
    from quanyu.spacetime import ingest

    print(f"bench: making {collections} collections of {each:,} features …", flush=True)
    subprocess.run([str(QUANYU), "init", "--dir", str(city)], check=True, capture_output=True)
    with open_desk(city) as desk:
        with desk.control.begin() as session:
            consumer, secret = make_consumer(session)
        for number in range(collections):
            source = city / "source.parquet"
            write_geoparquet(rows(number, each), source, areas=areas(number))
            report = ingest(desk.store, str(source), f"place-{number:02}")
            agreed = number % AGREED == 0
            said = Description(
                title=LocalText(en=f"Collection {number}"), provider=desk.party,
                licence="by-agreement" if agreed else "CC0-1.0",
                access=Access.RESTRICTED if agreed else Access.OPEN, generated=True,
            )  # fmt: skip
            entry = put_on_show(desk, report.version, said)
            if agreed:
                with desk.control.begin() as session:
                    agree_on(session, desk.caller, consumer, entry.id, "category")
        source.unlink()
    token.write_text(secret)
    return secret


def write_geoparquet(data: pa.Table, path: Path, *, areas: bool) -> None:
    """The rows with their geometry, as GeoParquet 1.1."""
    west, south, east, north = (
        data.column(name).to_numpy() for name in ("west", "south", "east", "north")
    )
    shapes = shapely.box(west, south, east, north) if areas else shapely.points(west, south)
    kept = data.select(["id", "name", "category", "value"])
    kept = kept.append_column("geometry", pa.array(shapely.to_wkb(shapes), pa.binary()))
    kind = "Polygon" if areas else "Point"
    column = {"encoding": "WKB", "geometry_types": [kind]}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    import orjson

    pq.write_table(kept.replace_schema_metadata({"geo": orjson.dumps(geo)}), path)


def load(dsn: str, collections: int, each: int) -> None:
    """The same rows in tables of PostGIS, clustered on their spatial index."""
    print("bench: loading PostGIS …", flush=True)
    with psycopg.connect(dsn, autocommit=True) as connection:
        for number in range(collections):
            name = f"place_{number:02}"
            connection.execute(
                "CREATE UNLOGGED TABLE staging (id int, name text, category text, value float8,"
                " w float8, s float8, e float8, n float8)"
            )
            sink = pa.BufferOutputStream()
            options = pyarrow.csv.WriteOptions(include_header=False)
            pyarrow.csv.write_csv(rows(number, each), sink, options)
            copying = "COPY staging FROM STDIN (FORMAT csv)"
            with connection.cursor() as cursor, cursor.copy(copying) as copy:
                copy.write(sink.getvalue().to_pybytes())
            shape = "ST_MakeEnvelope(w, s, e, n, 4326)" if areas(number) else (
                "ST_SetSRID(ST_MakePoint(w, s), 4326)"
            )  # fmt: skip
            connection.execute(
                f"CREATE UNLOGGED TABLE {name} AS SELECT id, name, category, value,"
                f" {shape} AS geom FROM staging"
            )
            connection.execute("DROP TABLE staging")
            connection.execute(f"CREATE INDEX ON {name} USING gist (geom)")
            connection.execute(f"CLUSTER {name} USING {name}_geom_idx")
            connection.execute(f"ANALYZE {name}")


def ask(client: httpx.Client, place: tuple[str, Any]) -> dict[str, set[str]]:
    """Ids of what quanyu shows at a place, by collection."""
    kind, where = place
    given = {"limit": str(LIMIT), "purpose": PURPOSE}
    given |= (
        {"point": f"{where[0]},{where[1]}", "radius": str(METRES)}
        if kind == "point"
        else {"bbox": ",".join(map(str, where))}
    )
    answer = client.get("/place", params=given)
    answer.raise_for_status()
    return {
        one["id"].replace("-", "_"): {f["id"] for f in one["features"]["features"]}
        for one in answer.json()["collections"]
    }


def ask_postgis(
    connection: "psycopg.Connection[Any]", place: tuple[str, Any], collections: int
) -> dict[str, set[str]]:
    """The same of PostGIS, which writes the GeoJSON too."""
    kind, where = place
    found = {}
    for number in range(collections):
        name = f"place_{number:02}"
        feature = (
            "SELECT id, json_build_object('type', 'Feature', 'id', id, 'geometry',"
            " ST_AsGeoJSON(geom)::json, 'properties', json_build_object('name', name,"
            " 'category', category, 'value', value))::text"
        )
        if kind == "point":
            across = 30 / (111_320 * np.cos(np.radians(where[1])))
            near = "ST_Expand(ST_SetSRID(ST_MakePoint(%s, %s), 4326), %s)"
            sql = (
                f"{feature} FROM {name} WHERE geom && {near} AND ST_DWithin(geom::geography,"
                " ST_SetSRID(ST_MakePoint(%s, %s), 4326)::geography, %s)"
                " ORDER BY geom <-> ST_SetSRID(ST_MakePoint(%s, %s), 4326) LIMIT %s"
            )
            values = (*where, float(across), *where, METRES, *where, LIMIT)
        else:
            sql = (
                f"{feature} FROM {name} WHERE ST_Intersects(geom,"
                " ST_MakeEnvelope(%s, %s, %s, %s, 4326)) LIMIT %s"
            )
            values = (*where, LIMIT)
        hits = connection.execute(sql, values).fetchall()
        if hits:
            found[name] = {str(row[0]) for row in hits}
    return found


def ask_tipg(client: httpx.Client, place: tuple[str, Any], collections: int) -> None:
    """The same of tipg, collection by collection."""
    kind, where = place
    if kind == "point":
        across, up = METRES / (111_320 * np.cos(np.radians(where[1]))), METRES / 111_320
        where = (where[0] - across, where[1] - up, where[0] + across, where[1] + up)
    given = {"bbox": ",".join(f"{one:.7f}" for one in where), "limit": str(LIMIT), "f": "geojson"}
    for number in range(collections):
        path = f"/collections/public.place_{number:02}/items"
        client.get(path, params=given).raise_for_status()


def agree(
    client: httpx.Client,
    connection: "psycopg.Connection[Any]",
    places: list[tuple[str, Any]],
    collections: int,
) -> None:
    """End the run when the two tell different things of the same places."""
    for place in places:
        ours, theirs = ask(client, place), ask_postgis(connection, place, collections)
        for name in ours.keys() | theirs.keys():
            one, other = ours.get(name, set()), theirs.get(name, set())
            # Where there are more than asked, either may show others of them.
            if one != other and max(len(one), len(other)) < LIMIT:
                sys.exit(f"bench: {place} in {name}: quanyu {one}, PostGIS {other}")


def measure(
    work: Callable[[tuple[str, Any]], object], places: list[tuple[str, Any]], pids: list[int]
) -> dict[str, float]:
    """Milliseconds of each question, and CPU of the processes that answered it."""
    for place in places[:10]:
        work(place)
    before = cpu_seconds({pid for root in pids for pid in tree(root)})
    taken = []
    for place in places:
        began = time.perf_counter()
        work(place)
        taken.append(1000 * (time.perf_counter() - began))
    used = cpu_seconds({pid for root in pids for pid in tree(root)}) - before
    return {
        "p50_ms": float(np.percentile(taken, 50)),
        "p95_ms": float(np.percentile(taken, 95)),
        "cpu_ms": 1000 * used / len(places),
    }


def show(figures: dict[str, Any]) -> None:
    """Print both sides and their ratios."""
    ours = figures["quanyu"]
    names = ("p50_ms", "p95_ms", "cpu_ms")
    table(
        f"Everything at a place: {figures['collections']} collections,"
        f" {figures['features']:,} features",
        ("", "p50 ms", "p95 ms", "CPU ms a question"),
        [
            ["quanyu, one request, gate and evidence", *(ours[name] for name in names)],
            *(
                row
                for peer, title in (
                    ("postgis", "PostGIS, table by table"),
                    ("tipg", "tipg, in turn"),
                )
                for row in (
                    [title, *(figures[peer][name] for name in names)],
                    [f"{title} / quanyu", *(figures[peer][name] / ours[name] for name in names)],
                )
            ),
        ],
    )


if __name__ == "__main__":
    main()
