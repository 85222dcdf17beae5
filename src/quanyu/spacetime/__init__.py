"""The space-time store: ingest into versioned tables, and answers within a restriction."""

from pathlib import Path

from quanyu.spacetime.crs import (
    bd09_to_gcj02,
    bd09_to_wgs84,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    wgs84_to_bd09,
    wgs84_to_gcj02,
)
from quanyu.spacetime.intake import (
    FORMATS,
    IngestOptions,
    IngestPlan,
    IngestReport,
    PlannedField,
    Progress,
    ingest,
    inspect,
)
from quanyu.spacetime.versions import (
    VersionPublished,
    check_dataset_name,
    publish_version,
)

MIGRATIONS: Path = Path(__file__).parent / "migrations"

__all__ = [
    "FORMATS",
    "MIGRATIONS",
    "IngestOptions",
    "IngestPlan",
    "IngestReport",
    "PlannedField",
    "Progress",
    "VersionPublished",
    "bd09_to_gcj02",
    "bd09_to_wgs84",
    "check_dataset_name",
    "gcj02_to_bd09",
    "gcj02_to_wgs84",
    "ingest",
    "inspect",
    "publish_version",
    "wgs84_to_bd09",
    "wgs84_to_gcj02",
]
