"""A place to ingest into, and small sources."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from quanyu.kernel import ControlStore
from quanyu.spacetime import IngestOptions, IngestReport, ingest

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "real"


@dataclass
class Here:
    """The least that ingest needs of a store."""

    control: ControlStore
    tables_url: str
    cache_dir: Path

    def take(self, source: Any, dataset: str = "data", **options: Any) -> IngestReport:
        return ingest(self, source, dataset, IngestOptions(**options))

    def table(self, report: IngestReport) -> pa.Table:
        version = report.version
        found = DeltaTable(f"{self.tables_url}/{version.table}", version=version.delta_version)
        return found.to_pyarrow_dataset().to_table()

    def rejects(self, report: IngestReport) -> list[dict[str, Any]]:
        if report.rejects_file is None:
            return []
        return [json.loads(line) for line in Path(report.rejects_file).read_text().splitlines()]


@pytest.fixture
def here(store: ControlStore, tmp_path: Path) -> Here:
    return Here(store, str(tmp_path / "tables"), tmp_path / "cache")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    def file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return file


@pytest.fixture
def real() -> Callable[[str], Path]:
    def file(name: str) -> Path:
        path = REAL / name
        if not path.exists():
            pytest.skip(f"no real data at {path}")
        return path

    return file


def geojson(*features: tuple[Any, dict[str, Any]], **more: Any) -> str:
    """A feature collection of (geometry, properties)."""
    listed = [{"type": "Feature", "geometry": g, "properties": p} for g, p in features]
    return json.dumps({"type": "FeatureCollection", "features": listed, **more})


def point(x: float, y: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [x, y]}
