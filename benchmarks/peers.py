"""The peers: PostGIS from Debian, tipg and pygeoapi in environments of their own, on loopback."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pyarrow.parquet as pq

from measure import free_port

OUT = Path(__file__).parent / "out"
TIPG = ("tipg==1.6.1", "uvicorn", "uvloop", "httptools")
PYGEOAPI = ("pygeoapi==0.24.0", "geoalchemy2", "gunicorn", "psycopg2-binary", "sqlalchemy<2.1")
WORKERS = "2"


@contextmanager
def postgis() -> Iterator[tuple[str, int]]:
    """A throw-away PostgreSQL with PostGIS: its DSN and the process id of its postmaster."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found or not list(Path("/usr/share/postgresql").glob("*/extension/postgis.control")):
        sys.exit("bench: no PostGIS; apt-get install postgresql-15-postgis-3")
    binaries = found[-1].parent
    home = Path("/tmp") / f"quanyu-bench-{os.getpid()}"
    home.mkdir(mode=0o777)
    home.chmod(0o777)
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    def quietly(*command: str | Path) -> None:
        subprocess.run([*as_user, *command], check=True, capture_output=True, cwd=home)

    data, port = home / "data", free_port()
    quietly(binaries / "initdb", "-D", data, "-U", "bench", "-A", "trust")
    options = (
        f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={home} "
        "-c shared_buffers=1GB -c work_mem=64MB -c maintenance_work_mem=512MB "
        "-c effective_cache_size=4GB -c max_connections=100 -c random_page_cost=1.1"
    )
    control: list[str | Path] = [binaries / "pg_ctl", "-D", data, "-w"]
    quietly(*control, "-o", options, "-l", home / "log", "start")
    dsn = f"postgresql://bench@127.0.0.1:{port}/postgres"
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION postgis")
        yield dsn, int((data / "postmaster.pid").read_text().splitlines()[0])
    finally:
        quietly(*control, "-m", "immediate", "stop")
        shutil.rmtree(home, ignore_errors=True)


def load(dsn: str, table: str, parquet: Path, columns: dict[str, str], geometry: str) -> None:
    """Bring a GeoParquet file into PostGIS, clustered on its spatial index, as its users do.

    ``columns`` maps property names to SQL types; ``geometry`` is the PostGIS type.
    """
    fields = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    names = ", ".join(f'"{name}"' for name in columns)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"CREATE UNLOGGED TABLE staging ({fields}, wkb bytea)")
        file = pq.ParquetFile(parquet)
        with connection.cursor() as cursor, cursor.copy("COPY staging FROM STDIN") as copy:
            for batch in file.iter_batches(50_000, columns=[*columns, "geometry"]):
                lists = [column.to_pylist() for column in batch.columns]
                for row in zip(*lists, strict=True):
                    copy.write_row(row)
        connection.execute(
            f"CREATE TABLE {table} AS SELECT {names}, "
            f"ST_GeomFromWKB(wkb, 4326)::geometry({geometry}, 4326) AS geom FROM staging"
        )
        connection.execute("DROP TABLE staging")
        connection.execute(f'ALTER TABLE {table} ADD PRIMARY KEY ("id")')
        connection.execute(f"CREATE INDEX {table}_geom ON {table} USING gist (geom)")
        connection.execute(f"CLUSTER {table} USING {table}_geom")
        connection.execute(f"VACUUM ANALYZE {table}")


def tipg(dsn: str, port: int) -> "subprocess.Popen[bytes]":
    """tipg as its documentation runs it, with two workers."""
    home = environment("tipg", TIPG, (3, 11))
    return subprocess.Popen(
        [home / "bin" / "uvicorn", "tipg.main:app", "--host", "127.0.0.1", "--port", str(port),
         "--workers", WORKERS, "--log-level", "warning"],
        env=os.environ | {"DATABASE_URL": dsn, "TIPG_DB_SCHEMAS": '["public"]'},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def pygeoapi(dsn: str, port: int, tables: dict[str, list[float]]) -> "subprocess.Popen[bytes]":
    """pygeoapi under gunicorn with two workers; ``tables`` maps names to extents."""
    home = environment("pygeoapi", PYGEOAPI, (3, 12))
    settings = OUT / "pygeoapi.yml"
    settings.write_text(_pygeoapi_settings(dsn, port, tables))
    openapi = OUT / "pygeoapi-openapi.yml"
    variables = os.environ | {
        "PYGEOAPI_CONFIG": str(settings),
        "PYGEOAPI_OPENAPI": str(openapi),
    }
    subprocess.run(
        [home / "bin" / "pygeoapi", "openapi", "generate", settings, "--output-file", openapi],
        env=variables, check=True, capture_output=True,
    )  # fmt: skip
    return subprocess.Popen(
        [home / "bin" / "gunicorn", "pygeoapi.flask_app:APP", "-b", f"127.0.0.1:{port}",
         "-w", WORKERS, "--timeout", "300", "--log-level", "error"],
        env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def environment(name: str, packages: tuple[str, ...], oldest: tuple[int, int]) -> Path:
    """A virtual environment of the peer, made once under ``benchmarks/out``."""
    home = OUT / "peers" / name
    if (home / ".ready").exists():
        return home
    uv = shutil.which("uv") or str(OUT.parents[1] / ".stamps" / "uv" / "bin" / "uv")
    python = python_from(oldest)
    print(f"bench: installing {name} …", flush=True)
    subprocess.run([uv, "venv", "-q", "--clear", "--python", python, home], check=True)
    subprocess.run(
        [uv, "pip", "install", "-q", "--python", home / "bin" / "python", *packages], check=True
    )
    (home / ".ready").touch()
    return home


def python_from(oldest: tuple[int, int]) -> str:
    """A Python of the machine that is new enough, else the version for uv to get."""
    if sys.version_info[:2] >= oldest:
        return sys.executable
    for minor in range(oldest[1], oldest[1] + 4):
        here = [shutil.which(f"python3.{minor}")]
        here += sorted(map(str, Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python")))
        for python in filter(None, here):
            # A version switcher's stand-in is on PATH even for versions that it does not run.
            if subprocess.run([python, "-V"], capture_output=True, check=False).returncode == 0:
                return python
    return f"{oldest[0]}.{oldest[1]}"


def _pygeoapi_settings(dsn: str, port: int, tables: dict[str, list[float]]) -> str:
    import yaml

    url = psycopg.conninfo.conninfo_to_dict(dsn)
    data = {
        "host": url["host"], "port": int(url["port"] or 5432), "dbname": url["dbname"],
        "user": url["user"], "password": "", "search_path": ["public"],
    }  # fmt: skip

    def resource(table: str, extent: list[float]) -> dict[str, object]:
        return {
            "type": "collection",
            "title": table,
            "description": table,
            "keywords": [table],
            "links": [],
            "extents": {"spatial": {"bbox": extent}},
            "providers": [
                {
                    "type": "feature",
                    "name": "PostgreSQL",
                    "data": data,
                    "id_field": "id",
                    "table": table,
                    "geom_field": "geom",
                },
                {
                    "type": "tile",
                    "name": "MVT-postgresql",
                    "data": data,
                    "id_field": "id",
                    "table": table,
                    "geom_field": "geom",
                    "options": {"zoom": {"min": 0, "max": 15}},
                    "format": {"name": "pbf", "mimetype": "application/vnd.mapbox-vector-tile"},
                },
            ],
        }

    document = {
        "server": {
            "bind": {"host": "127.0.0.1", "port": port},
            "url": f"http://127.0.0.1:{port}",
            "mimetype": "application/json; charset=UTF-8",
            "encoding": "utf-8",
            "languages": ["en-US"],
            "limits": {"default_items": 10, "max_items": 10000},
            "map": {"url": "http://127.0.0.1/{z}/{x}/{y}.png", "attribution": "none"},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {
                "title": "peer", "description": "peer", "keywords": ["peer"],
                "keywords_type": "theme", "terms_of_service": "none", "url": "http://127.0.0.1",
            },
            "license": {"name": "none", "url": "http://127.0.0.1"},
            "provider": {"name": "peer", "url": "http://127.0.0.1"},
            "contact": {"name": "peer", "url": "http://127.0.0.1"},
        },
        "resources": {table: resource(table, extent) for table, extent in tables.items()},
    }  # fmt: skip
    return str(yaml.safe_dump(document, allow_unicode=True))


def extent(dsn: str, table: str) -> list[float]:
    """Bounding box of a table."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            f"SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) "
            f"FROM (SELECT ST_Extent(geom) AS e FROM {table}) AS bounds"
        ).fetchone()
    assert row is not None
    return [float(value) for value in row]
