"""The space-time store: ingest into versioned tables, and answers within a restriction."""

from quanyu.spacetime.changes import Change
from quanyu.spacetime.crs import (
    bd09_to_gcj02,
    bd09_to_wgs84,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    wgs84_to_bd09,
    wgs84_to_gcj02,
)
from quanyu.spacetime.differences import Difference, Value
from quanyu.spacetime.editing.collisions import Collision, Solids, colliding, collisions
from quanyu.spacetime.editing.commit import Again, Keyed, edit
from quanyu.spacetime.editing.fold import fold, fold_due
from quanyu.spacetime.edits.model import Action, Do, Done, Edit, Edited, Editor, EditRequest
from quanyu.spacetime.edits.register import ChangeSet, edit_of, edits, history, last_touched
from quanyu.spacetime.edits.timeline import Step
from quanyu.spacetime.filter_parse import parse_filter
from quanyu.spacetime.filters import FUNCTIONS
from quanyu.spacetime.generate import generate_city
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
from quanyu.spacetime.model import (
    CRS84,
    CRS84H,
    FID,
    GEOMETRY,
    OPEN,
    RESERVED,
    VALID,
    Bbox,
    Column,
    Cql2,
    Field,
    FieldType,
    Format,
    GeometryType,
    Interval,
    Mask,
    Page,
    Query,
    Reject,
    Restriction,
    Version,
)
from quanyu.spacetime.osm import OSM_ATTRIBUTION, OSM_THEMES, ingest_osm
from quanyu.spacetime.profile import Bin, Common, FieldProfile, GeometryProfile, Profile
from quanyu.spacetime.store import Store
from quanyu.spacetime.summary import Summary
from quanyu.spacetime.tokens import version_of
from quanyu.spacetime.versions import (
    VersionPublished,
    check_dataset_name,
    publish_version,
)
from quanyu.spacetime.view import ALL, View
from quanyu.spacetime.xlsx import MOST_ROWS as MOST_XLSX_ROWS

__all__ = [
    "ALL",
    "CRS84",
    "CRS84H",
    "FID",
    "FORMATS",
    "FUNCTIONS",
    "GEOMETRY",
    "MOST_XLSX_ROWS",
    "OPEN",
    "OSM_ATTRIBUTION",
    "OSM_THEMES",
    "RESERVED",
    "VALID",
    "Action",
    "Again",
    "Bbox",
    "Bin",
    "Change",
    "ChangeSet",
    "Collision",
    "Column",
    "Common",
    "Cql2",
    "Difference",
    "Do",
    "Done",
    "Edit",
    "EditRequest",
    "Edited",
    "Editor",
    "Field",
    "FieldProfile",
    "FieldType",
    "Format",
    "GeometryProfile",
    "GeometryType",
    "IngestOptions",
    "IngestPlan",
    "IngestReport",
    "Interval",
    "Keyed",
    "Mask",
    "Page",
    "PlannedField",
    "Profile",
    "Progress",
    "Query",
    "Reject",
    "Restriction",
    "Solids",
    "Step",
    "Store",
    "Summary",
    "Value",
    "Version",
    "VersionPublished",
    "View",
    "bd09_to_gcj02",
    "bd09_to_wgs84",
    "check_dataset_name",
    "colliding",
    "collisions",
    "edit",
    "edit_of",
    "edits",
    "fold",
    "fold_due",
    "gcj02_to_bd09",
    "gcj02_to_wgs84",
    "generate_city",
    "history",
    "ingest",
    "ingest_osm",
    "inspect",
    "last_touched",
    "parse_filter",
    "publish_version",
    "version_of",
    "wgs84_to_bd09",
    "wgs84_to_gcj02",
]
