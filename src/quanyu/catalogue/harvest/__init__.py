"""Harvesting: entries taken from other catalogues, again and again, and kept true."""

from quanyu.catalogue.harvest.adding import (
    add_source,
    change_source,
    harvest_source,
    source_settings,
    sources_of_harvest,
)
from quanyu.catalogue.harvest.concluding import confirm_missing
from quanyu.catalogue.harvest.fetch import Reach, reach_of
from quanyu.catalogue.harvest.model import (
    OPEN_RUNS,
    HarvestConflict,
    HarvestOrigin,
    HarvestRun,
    HarvestSource,
    OnMissing,
    RecordOutcome,
    RunItem,
    RunState,
    SourceKind,
    SourceSettings,
    Trust,
)
from quanyu.catalogue.harvest.reports import (
    harvest_origin,
    harvest_run,
    harvest_runs,
    records_held,
    run_items,
)
from quanyu.catalogue.harvest.resolving import (
    harvest_conflicts,
    publish_harvested,
    resolve_conflict,
)
from quanyu.catalogue.harvest.running import begin_run, cancel_run, harvest_once, run_due

__all__ = [
    "OPEN_RUNS",
    "HarvestConflict",
    "HarvestOrigin",
    "HarvestRun",
    "HarvestSource",
    "OnMissing",
    "Reach",
    "RecordOutcome",
    "RunItem",
    "RunState",
    "SourceKind",
    "SourceSettings",
    "Trust",
    "add_source",
    "begin_run",
    "cancel_run",
    "change_source",
    "confirm_missing",
    "harvest_conflicts",
    "harvest_once",
    "harvest_origin",
    "harvest_run",
    "harvest_runs",
    "harvest_source",
    "publish_harvested",
    "reach_of",
    "records_held",
    "resolve_conflict",
    "run_due",
    "run_items",
    "source_settings",
    "sources_of_harvest",
]
