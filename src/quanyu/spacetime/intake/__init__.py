"""Ingest: sources of many formats into versions of datasets."""

from quanyu.spacetime.intake.detect import FORMATS
from quanyu.spacetime.intake.model import (
    IngestOptions,
    IngestPlan,
    IngestReport,
    Place,
    PlannedField,
    Progress,
)
from quanyu.spacetime.intake.run import ingest, inspect

__all__ = [
    "FORMATS",
    "IngestOptions",
    "IngestPlan",
    "IngestReport",
    "Place",
    "PlannedField",
    "Progress",
    "ingest",
    "inspect",
]
