"""Entries as a sheet of the government data catalogue, one row per item."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping

from quanyu.catalogue.codes import UPDATE_CYCLES, Access
from quanyu.catalogue.model import Resource
from quanyu.catalogue.sheet.classes import class_codes
from quanyu.catalogue.sheet.columns import COLUMNS, ITEM_COLUMNS, NO, SHARING, YES, Column
from quanyu.kernel import PartyId
from quanyu.parties import Party

_METHODS = {
    "platform": "共享平台",
    "api": "接口",
    "file": "文件",
    "mail": "邮件",
    "disk": "拷盘",
    "medium": "介质交换",
}


def write_sheet(
    entries: Iterable[Resource], providers: Mapping[PartyId, Party], *, form: str
) -> bytes:
    """The sheet as ``xlsx`` (the resource's cells merged over its items) or ``csv`` (repeated;
    UTF-8 with a mark that spreadsheets know)."""
    rows = (_rows(one, providers.get(one.provider)) for one in entries)
    return _csv(rows) if form == "csv" else _xlsx(rows)


def _rows(of: Resource, provider: Party | None) -> list[dict[Column, str]]:
    said = of.attributes
    cells = {
        Column.CATEGORY: _path(str(said.get("catalogueClass", ""))),
        Column.TITLE: of.title.to("zh"),
        Column.CODE: str(said.get("catalogueCode") or of.code or ""),
        Column.PROVIDER: provider.name.to("zh") if provider else "",
        Column.PROVIDER_CODE: (provider.credit_code or "") if provider else "",
        Column.ABSTRACT: of.abstract.to("zh") if of.abstract else "",
        Column.FORMATS: "、".join(of.formats),
        Column.SHARING: SHARING[of.access.value],
        Column.CONDITION: str(said.get("sharingCondition", "")),
        Column.METHOD: "、".join(_METHODS.get(one, one) for one in said.get("sharingMethod", ())),
        Column.OPEN: YES if of.access is Access.OPEN else NO,
        Column.OPEN_CONDITION: str(said.get("openCondition", "")),
        Column.CYCLE: UPDATE_CYCLES[of.update_cycle].name.zh,
        Column.ISSUED: of.published_at.date().isoformat() if of.published_at else "",
        Column.RELATED: "、".join(said.get("relatedCodes", ())),
        Column.LICENCE: of.licence,
        Column.SLUG: of.slug,
    }
    items = [{Column.ITEM: one.name, Column.ITEM_TYPE: one.type} for one in of.fields]
    return [cells | item for item in items or [{Column.ITEM: "", Column.ITEM_TYPE: ""}]]


def _path(code: str) -> str:
    """Names of a class and those above it, where all are known; else its code."""
    known = {one.code: one.name.zh for one in class_codes()}
    steps = [code[:length] for length in (1, 3, 6, len(code)) if len(code) >= length]
    steps = list(dict.fromkeys(step for step in steps if step))
    return "/".join(known[s] for s in steps) if steps and all(s in known for s in steps) else code


def _csv(rows: Iterator[list[dict[Column, str]]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([said.name.zh for said in COLUMNS.values()])
    for group in rows:
        writer.writerows([_guarded(row[column]) for column in COLUMNS] for row in group)
    return ("\ufeff" + text.getvalue()).encode()


def _guarded(text: str) -> str:
    """No text that a spreadsheet would take for a formula (OWASP: CSV injection)."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@"} else text


def _xlsx(rows: Iterator[list[dict[Column, str]]]) -> bytes:
    import xlsxwriter

    held = io.BytesIO()
    with xlsxwriter.Workbook(held, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet("政务数据目录")
        head = book.add_format(
            {"bold": True, "bg_color": "#E3EFEC", "border": 1, "text_wrap": True, "valign": "top"}
        )
        cell = book.add_format({"border": 1, "text_wrap": True, "valign": "top"})
        for at, said in enumerate(COLUMNS.values()):
            sheet.write_string(0, at, f"{said.name.zh}\n{said.name.en}", head)
            sheet.set_column(at, at, said.width)
            if said.values:
                rule = {"validate": "list", "source": list(said.values)}
                sheet.data_validation(1, at, 20_000, at, rule)
        sheet.freeze_panes(1, 2)
        line = 1
        for group in rows:
            last = line + len(group) - 1
            for at, column in enumerate(COLUMNS):
                if column not in ITEM_COLUMNS and last > line:
                    sheet.merge_range(line, at, last, at, "", cell)
                    sheet.write_string(line, at, group[0][column], cell)
                    continue
                for n, row in enumerate(group):
                    sheet.write_string(line + n, at, row[column], cell)
            line = last + 1
    return held.getvalue()
