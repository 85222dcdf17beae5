"""Land space 国土空间: roles of datasets, classes, and the compliance check of projects."""

from quanyu.land.check import Checked, Source, check_project, rules_of
from quanyu.land.class_table import SCHEMES, classes, land_class, scheme_of
from quanyu.land.declaring import (
    DeclarationDraft,
    check_may_declare,
    declarations,
    declare,
    end_declaration,
    may_declare,
)
from quanyu.land.intake import read_geometry
from quanyu.land.model import (
    VERDICTS,
    Asked,
    Declaration,
    Finding,
    LandClass,
    Project,
    Record,
    Role,
    Scheme,
    Settings,
    Touch,
    Unread,
    Verdict,
)
from quanyu.land.plane import Plane
from quanyu.land.project import NUMBERS, project_of
from quanyu.land.records import (
    LEAF,
    RecordPage,
    check_may_check,
    check_record,
    check_records,
    forget_checks_of,
    keep_check,
)
from quanyu.land.report import TYPE, report_bytes, report_document
from quanyu.land.rerun import inputs_of
from quanyu.land.roles import ROLES, Meaning, RoleSchema, check_declaration, role_of
from quanyu.land.rules import RULES, Rule
from quanyu.land.use_table import OUTSIDE, Compatibility, compatibility

__all__ = [
    "LEAF",
    "NUMBERS",
    "OUTSIDE",
    "ROLES",
    "RULES",
    "SCHEMES",
    "TYPE",
    "VERDICTS",
    "Asked",
    "Checked",
    "Compatibility",
    "Declaration",
    "DeclarationDraft",
    "Finding",
    "LandClass",
    "Meaning",
    "Plane",
    "Project",
    "Record",
    "RecordPage",
    "Role",
    "RoleSchema",
    "Rule",
    "Scheme",
    "Settings",
    "Source",
    "Touch",
    "Unread",
    "Verdict",
    "check_declaration",
    "check_may_check",
    "check_may_declare",
    "check_project",
    "check_record",
    "check_records",
    "classes",
    "compatibility",
    "declarations",
    "declare",
    "end_declaration",
    "forget_checks_of",
    "inputs_of",
    "keep_check",
    "land_class",
    "may_declare",
    "project_of",
    "read_geometry",
    "report_bytes",
    "report_document",
    "role_of",
    "rules_of",
    "scheme_of",
]
