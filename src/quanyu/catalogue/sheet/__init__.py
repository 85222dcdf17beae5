"""The government data catalogue 政务数据目录 as a spreadsheet, in and out."""

from quanyu.catalogue.sheet.classes import ClassCode, class_codes, use_classes
from quanyu.catalogue.sheet.columns import COLUMNS, Column
from quanyu.catalogue.sheet.entries import Reject
from quanyu.catalogue.sheet.plan import Defaults, Planned, SheetPlan, plan_sheet, take_sheet
from quanyu.catalogue.sheet.read import SheetRow, read_sheet
from quanyu.catalogue.sheet.write import write_sheet

__all__ = [
    "COLUMNS",
    "ClassCode",
    "Column",
    "Defaults",
    "Planned",
    "Reject",
    "SheetPlan",
    "SheetRow",
    "class_codes",
    "plan_sheet",
    "read_sheet",
    "take_sheet",
    "use_classes",
    "write_sheet",
]
