"""Entries as rows: the description as one JSON document, and the columns made from it."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from quanyu.catalogue.codes import State
from quanyu.catalogue.letters import fold
from quanyu.catalogue.model import Resource, ResourceDraft
from quanyu.catalogue.tables import ResourceRow
from quanyu.kernel import LocalText, ResourceId

_DRAFT = TypeAdapter(ResourceDraft)
_FIELDS = tuple(field.name for field in fields(ResourceDraft))
_LONGEST_KEY = 120
_KEPT = 4096
_drafts: "OrderedDict[tuple[str, int, datetime], ResourceDraft]" = OrderedDict()
"""Descriptions as read, by id, revision and time of change: to read one takes half a millisecond,
and none is changed without both."""


def draft_of(resource: ResourceDraft) -> ResourceDraft:
    """The provider's part of a resource."""
    return ResourceDraft(**{name: getattr(resource, name) for name in _FIELDS})


def changed_fields(old: ResourceDraft, new: ResourceDraft) -> tuple[str, ...]:
    """Names of the fields in which two drafts differ."""
    return tuple(name for name in _FIELDS if getattr(old, name) != getattr(new, name))


def document(draft: ResourceDraft) -> dict[str, Any]:
    """The description as JSON."""
    kept: dict[str, Any] = _DRAFT.dump_python(draft_of(draft), mode="json")
    return kept


def undocument(kept: Mapping[str, Any]) -> ResourceDraft:
    """The description that :func:`document` made."""
    return _DRAFT.validate_python(kept)


def draft_from(document: Mapping[str, Any]) -> ResourceDraft:
    """The description that such JSON is."""
    return _DRAFT.validate_python(document)


def fill_row(row: ResourceRow, draft: ResourceDraft) -> None:
    """Put a description into its row."""
    row.slug, row.kind, row.access = draft.slug, draft.kind.value, draft.access.value
    row.provider = draft.provider
    row.west, row.south, row.east, row.north = draft.bbox or (None, None, None, None)
    row.time_from, row.time_to = draft.interval
    row.sort_zh, row.sort_en = sort_keys(draft.title)
    row.body = document(draft)


def sort_keys(title: LocalText) -> tuple[bytes, bytes]:
    """Bytes whose order is that of titles in Chinese and in English, alike on every database.

    In GB 18030 the 3,755 characters of the first level of GB 2312 stand in the order of pinyin.
    """
    return (
        fold(title.to("zh"))[:_LONGEST_KEY].encode("gb18030"),
        fold(title.to("en"))[:_LONGEST_KEY].encode(),
    )


def to_resource(row: ResourceRow) -> Resource:
    """The entry of a row."""
    draft = _draft_in(row)
    return Resource(
        **{name: getattr(draft, name) for name in _FIELDS},
        id=ResourceId(row.id),
        code=row.code,
        state=State(row.state),
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
        published_at=row.published_at,
    )


def _draft_in(row: ResourceRow) -> ResourceDraft:
    key = (row.id, row.revision, row.updated_at)
    found = _drafts.get(key)
    if found is None:
        found = draft_from(row.body)
        _drafts[key] = found
        while len(_drafts) > _KEPT:
            _drafts.popitem(last=False)
    return found
