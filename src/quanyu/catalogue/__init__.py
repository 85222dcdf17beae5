"""What there is: resources of every kind, registered, published, described, found."""

from pathlib import Path

from quanyu.catalogue.codes import (
    ACCESSES,
    BY_AGREEMENT,
    GRADES,
    KINDS,
    LICENCES,
    SECURITY_GRADES,
    SENSITIVITIES,
    SOURCES,
    STATES,
    THEMES,
    UPDATE_CYCLES,
    Access,
    Code,
    Grade,
    Kind,
    Licence,
    Sensitivity,
    Source,
    State,
    UpdateCycle,
)
from quanyu.catalogue.datasets import Description, refresh_dataset, register_dataset
from quanyu.catalogue.entries import (
    amend,
    publish,
    register,
    register_draft,
    resource,
    save_draft,
    withdraw,
)
from quanyu.catalogue.identifier import identifier_valid
from quanyu.catalogue.lineage import derived, sources
from quanyu.catalogue.model import (
    Bbox,
    Contact,
    FacetCount,
    FieldMeaning,
    Interval,
    Resource,
    ResourceChanged,
    ResourceDraft,
    Search,
    SearchPage,
    Sort,
    Step,
    StepKind,
)
from quanyu.catalogue.record import to_record
from quanyu.catalogue.rights import may_see
from quanyu.catalogue.search import resources, search
from quanyu.catalogue.steps import history
from quanyu.catalogue.validate import check_draft, check_slug

MIGRATIONS: Path = Path(__file__).parent / "migrations"

__all__ = [
    "ACCESSES",
    "BY_AGREEMENT",
    "GRADES",
    "KINDS",
    "LICENCES",
    "MIGRATIONS",
    "SECURITY_GRADES",
    "SENSITIVITIES",
    "SOURCES",
    "STATES",
    "THEMES",
    "UPDATE_CYCLES",
    "Access",
    "Bbox",
    "Code",
    "Contact",
    "Description",
    "FacetCount",
    "FieldMeaning",
    "Grade",
    "Interval",
    "Kind",
    "Licence",
    "Resource",
    "ResourceChanged",
    "ResourceDraft",
    "Search",
    "SearchPage",
    "Sensitivity",
    "Sort",
    "Source",
    "State",
    "Step",
    "StepKind",
    "UpdateCycle",
    "amend",
    "check_draft",
    "check_slug",
    "derived",
    "history",
    "identifier_valid",
    "may_see",
    "publish",
    "refresh_dataset",
    "register",
    "register_dataset",
    "register_draft",
    "resource",
    "resources",
    "save_draft",
    "search",
    "sources",
    "to_record",
    "withdraw",
]
