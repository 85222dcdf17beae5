"""Rows of a sheet as drafts of resources; every fault with its row, column and mend."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from quanyu.catalogue.codes import (
    BY_AGREEMENT,
    LICENCES,
    UPDATE_CYCLES,
    Access,
    Kind,
    UpdateCycle,
)
from quanyu.catalogue.model import FieldMeaning, Resource, ResourceDraft
from quanyu.catalogue.sheet.classes import class_path
from quanyu.catalogue.sheet.columns import COLUMNS, NO, YES, Column
from quanyu.catalogue.sheet.read import SheetRow
from quanyu.kernel import Invalid, LocalText, PartyId, QuanyuError

_SPLIT = re.compile(r"[,，、;；|\n]+")
_ACCESS = {
    "无条件共享": Access.SHARED, "无条件": Access.SHARED, "1": Access.SHARED,
    "有条件共享": Access.RESTRICTED, "有条件": Access.RESTRICTED, "2": Access.RESTRICTED,
    "不予共享": Access.CLOSED, "不予": Access.CLOSED, "不共享": Access.CLOSED, "3": Access.CLOSED,
}  # fmt: skip
_OPEN = {YES: True, "1": True, "开放": True, "无条件开放": True, "true": True, "yes": True,
         NO: False, "0": False, "不开放": False, "不予开放": False, "false": False, "no": False,
         "": False}  # fmt: skip
_METHODS = {
    "共享平台": "platform", "接口": "api", "文件": "file", "邮件": "mail", "拷盘": "disk",
    "介质交换": "medium", "接口方式": "api", "共享平台方式": "platform",
}  # fmt: skip
_CYCLES = {
    **{word: cycle for cycle, code in UPDATE_CYCLES.items()
       for word in (code.name.zh, code.name.en.lower(), code.code, cycle.value)},
    "每天": UpdateCycle.DAILY, "每季": UpdateCycle.QUARTERLY, "半年": UpdateCycle.HALF_YEARLY,
    "按需": UpdateCycle.IRREGULAR, "": UpdateCycle.IRREGULAR,
}  # fmt: skip
OWN_ATTRIBUTES = (
    "catalogueClass", "catalogueCode", "sharingCondition", "sharingMethod", "openCondition",
    "relatedCodes",
)  # fmt: skip
"""Attributes that the sheet holds; all others of an entry stay as they are."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Why a row was not taken. ``detail`` and ``mend`` are message ids with ``params``."""

    row: int
    column: str
    detail: str
    mend: str = ""
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parsed:
    """The rows of one resource and what they say."""

    rows: tuple[int, ...]
    cells: Mapping[Column, str]
    items: tuple[FieldMeaning, ...]


class Fault(Exception):
    """A cell cannot be read."""

    def __init__(self, column: Column, detail: str, mend: str, **params: object) -> None:
        super().__init__(detail)
        self.column, self.detail, self.mend, self.params = column, detail, mend, params


def grouped(rows: list[SheetRow]) -> Iterator[Parsed]:
    """Rows of one resource together: those that follow one another with its name and code."""

    def key(row: SheetRow) -> tuple[str, ...]:
        names = (Column.SLUG, Column.CODE, Column.TITLE, Column.PROVIDER)
        return tuple(row.cells.get(column, "") for column in names)

    for _, some in groupby(rows, key):
        group = list(some)
        items = [
            FieldMeaning(name, one.cells.get(Column.ITEM_TYPE, "") or "string")
            for one in group
            if (name := one.cells.get(Column.ITEM, ""))
        ]
        yield Parsed(tuple(one.number for one in group), group[0].cells, tuple(items))


def draft_from(
    parsed: Parsed, provider: PartyId, known: Resource | None, licence_of_open: str
) -> ResourceDraft:
    """The draft that the rows describe; over ``known`` where the entry is there already.

    Raises :class:`Fault` for the first cell that cannot be read.
    """
    cells = parsed.cells
    access = _access(cells)
    title = cells.get(Column.TITLE, "")
    abstract = cells.get(Column.ABSTRACT, "")
    said: dict[str, Any] = {
        "access": access,
        "update_cycle": _known(_CYCLES, cells.get(Column.CYCLE, "").lower(), Column.CYCLE),
        "licence": _licence(cells.get(Column.LICENCE, ""), access, known, licence_of_open),
        "formats": _words(cells.get(Column.FORMATS, "")),
        "attributes": _attributes(cells, known),
        "title": _both(title, known.title if known else None),
        "abstract": _both(abstract, known.abstract if known else None),
        "fields": _fields(parsed.items, known),
    }
    if known is not None:
        return replace(known, **said)
    return ResourceDraft(
        slug=cells.get(Column.SLUG) or slug_of(cells.get(Column.CODE, "")),
        kind=Kind.DATASET,
        provider=provider,
        **said,
    )


def slug_of(code: str) -> str:
    """A name in addresses made from a code of the catalogue."""
    plain = re.sub(r"[^a-z0-9]+", "-", code.lower()).strip("-")
    if not plain:
        raise Fault(
            Column.CODE, "a code is needed", "give the code of the resource, or a name in addresses"
        )
    return f"gov-{plain}"[:64].rstrip("-")


def as_reject(error: QuanyuError, row: int) -> Reject:
    """A complaint of the catalogue as that of a row."""
    column = _COLUMN_OF.get((error.field or "").split("/")[0].split(".")[0])
    name = COLUMNS[column].name.zh if column else error.field or ""
    return Reject(row, name, error.detail, error.mend or "", error.params)


_COLUMN_OF = {
    "title": Column.TITLE, "abstract": Column.ABSTRACT, "slug": Column.SLUG,
    "fields": Column.ITEM, "formats": Column.FORMATS, "licence": Column.LICENCE,
    "access": Column.SHARING, "provider": Column.PROVIDER, "attributes": Column.CATEGORY,
}  # fmt: skip


def _access(cells: Mapping[Column, str]) -> Access:
    shared = _known(_ACCESS, cells.get(Column.SHARING, ""), Column.SHARING)
    opened = _known(_OPEN, cells.get(Column.OPEN, "").lower(), Column.OPEN)
    if opened and shared is not Access.SHARED:
        raise Fault(
            Column.OPEN,
            "what is open to the public cannot be shared on conditions or not at all",
            "put 无条件共享 under 共享类型, or 否 here",
        )
    return Access.OPEN if opened else shared


def _licence(text: str, access: Access, known: Resource | None, of_open: str) -> str:
    if text:
        by_name = {one.name.zh: key for key, one in LICENCES.items()}
        return by_name.get(text, text)
    if known is not None and (access is Access.OPEN) == (known.access is Access.OPEN):
        return known.licence
    return of_open if access is Access.OPEN else BY_AGREEMENT


def _attributes(cells: Mapping[Column, str], known: Resource | None) -> dict[str, Any]:
    kept = dict(known.attributes) if known else {}
    kept = {name: value for name, value in kept.items() if name not in OWN_ATTRIBUTES}
    category, code = cells.get(Column.CATEGORY, ""), cells.get(Column.CODE, "")
    said: dict[str, Any] = {
        "catalogueClass": _class(category),
        "catalogueCode": "" if known and code == known.code else code,
        "sharingCondition": cells.get(Column.CONDITION, ""),
        "sharingMethod": [
            _known(_METHODS, word, Column.METHOD) for word in _words(cells.get(Column.METHOD, ""))
        ],
        "openCondition": cells.get(Column.OPEN_CONDITION, ""),
        "relatedCodes": list(_words(cells.get(Column.RELATED, ""))),
    }
    return kept | {name: value for name, value in said.items() if value}


def _class(text: str) -> str:
    if not text:
        return ""
    code = class_path(text)
    if code is None:
        raise Fault(
            Column.CATEGORY,
            "“{value}” is no class of the catalogue",
            "give a code or a path of names from the code tables",
            value=text[:80],
        )
    return code


def _fields(items: tuple[FieldMeaning, ...], known: Resource | None) -> tuple[FieldMeaning, ...]:
    """Items with what is known of them besides name and type."""
    before = {one.name: one for one in known.fields} if known else {}
    return tuple(
        replace(before[one.name], type=one.type) if one.name in before else one for one in items
    )


def _both(zh: str, known: LocalText | None) -> LocalText | None:
    if known is not None and zh == known.to("zh"):
        return known  # where there is no Chinese the sheet says the English
    en = known.en if known else ""
    return LocalText(zh=zh, en=en) if zh or en else None


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in _SPLIT.split(text) if word.strip()))


def _known(table: Mapping[str, Any], text: str, column: Column) -> Any:
    if text.strip() in table:
        return table[text.strip()]
    choices = COLUMNS[column].values or tuple(word for word in table if word)
    raise Fault(
        column,
        "“{value}” is not one of the values",
        "choose among: {limit}",
        value=text[:80],
        limit=", ".join(choices[:12]),
    )


def missing(parsed: Parsed) -> None:
    """Raise :class:`Fault` when what every entry needs is empty."""
    if not parsed.cells.get(Column.TITLE):
        raise Fault(Column.TITLE, "this text is empty", "write something or leave it out")


def unknown_provider(name: str) -> Invalid:
    """The provider of a row is no party of this node."""
    return Invalid(
        "“{name}” is no party of this node",
        field="provider",
        mend="have it registered first, or give its unified social credit code",
        name=name[:80],
    )
