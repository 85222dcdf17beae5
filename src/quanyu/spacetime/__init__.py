"""The space-time store: ingest into versioned tables, and answers within a restriction."""

from quanyu.spacetime.at_place import Found, Place
from quanyu.spacetime.changes import Change
from quanyu.spacetime.crs import (
    SourceCrs,
    bd09_to_gcj02,
    bd09_to_wgs84,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    source_crs,
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
from quanyu.spacetime.grids import (
    GRIDS,
    Grid,
    bounds_3d,
    cells_3d,
    children_3d,
    cover_3d,
    grid_named,
    grid_of,
    neighbours_3d,
    parents_3d,
    plane_of,
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
from quanyu.spacetime.made_up_land import generate_land
from quanyu.spacetime.meeting import Met
from quanyu.spacetime.model import (
    BD09,
    CRS84,
    CRS84H,
    FID,
    GCJ02,
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
from quanyu.spacetime.names_index import Named
from quanyu.spacetime.osm import OSM_ATTRIBUTION, OSM_THEMES, ingest_osm
from quanyu.spacetime.profile import Bin, Common, FieldProfile, GeometryProfile, Profile
from quanyu.spacetime.store import Store
from quanyu.spacetime.summary import Summary
from quanyu.spacetime.tile_matrices import DEEPEST, Tile, TileMatrixSet, matrix_set
from quanyu.spacetime.tile_matrices import SETS as TILE_MATRIX_SETS
from quanyu.spacetime.tokens import version_of
from quanyu.spacetime.versions import (
    VersionPublished,
    check_dataset_name,
    publish_version,
)
from quanyu.spacetime.view import ALL, View
from quanyu.spacetime.xlsx import MOST_ROWS as MOST_XLSX_ROWS
from quanyu.spacetime.zones import CHINA, ZoneWidth, zone_crs, zone_number, zones_within

__all__ = [
    "ALL",
    "BD09",
    "CHINA",
    "CRS84",
    "CRS84H",
    "DEEPEST",
    "FID",
    "FORMATS",
    "FUNCTIONS",
    "GCJ02",
    "GEOMETRY",
    "GRIDS",
    "MOST_XLSX_ROWS",
    "OPEN",
    "OSM_ATTRIBUTION",
    "OSM_THEMES",
    "RESERVED",
    "TILE_MATRIX_SETS",
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
    "Found",
    "GeometryProfile",
    "GeometryType",
    "Grid",
    "IngestOptions",
    "IngestPlan",
    "IngestReport",
    "Interval",
    "Keyed",
    "Mask",
    "Met",
    "Named",
    "Page",
    "Place",
    "PlannedField",
    "Profile",
    "Progress",
    "Query",
    "Reject",
    "Restriction",
    "Solids",
    "SourceCrs",
    "Step",
    "Store",
    "Summary",
    "Tile",
    "TileMatrixSet",
    "Value",
    "Version",
    "VersionPublished",
    "View",
    "ZoneWidth",
    "bd09_to_gcj02",
    "bd09_to_wgs84",
    "bounds_3d",
    "cells_3d",
    "check_dataset_name",
    "children_3d",
    "colliding",
    "collisions",
    "cover_3d",
    "edit",
    "edit_of",
    "edits",
    "fold",
    "fold_due",
    "gcj02_to_bd09",
    "gcj02_to_wgs84",
    "generate_city",
    "generate_land",
    "grid_named",
    "grid_of",
    "history",
    "ingest",
    "ingest_osm",
    "inspect",
    "last_touched",
    "matrix_set",
    "neighbours_3d",
    "parents_3d",
    "parse_filter",
    "plane_of",
    "publish_version",
    "source_crs",
    "version_of",
    "wgs84_to_bd09",
    "wgs84_to_gcj02",
    "zone_crs",
    "zone_number",
    "zones_within",
]
