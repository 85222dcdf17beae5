"""The space-time store: ingest into versioned tables, and answers within a restriction."""

from pathlib import Path

from quanyu.spacetime.versions import (
    VersionPublished,
    check_dataset_name,
    publish_version,
)

MIGRATIONS: Path = Path(__file__).parent / "migrations"

__all__ = [
    "MIGRATIONS",
    "VersionPublished",
    "check_dataset_name",
    "publish_version",
]
