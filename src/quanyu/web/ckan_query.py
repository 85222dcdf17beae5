"""The part of Solr's query words that CKAN's clients use: ``fq``, ``sort``, ``facet.field``."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from quanyu.catalogue import Kind, ListedBy
from quanyu.kernel import Invalid

_CLAUSE = re.compile(
    r"""\s*(?P<sign>[+-]?)(?P<name>\w+):
    (?P<value>\[[^\]]*\]|\([^)]*\)|"(?:[^"\\]|\\.)*"|[^\s()"]+)(?:\s+AND\b)?""",
    re.VERBOSE,
)
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s"()]+)')
_NAMES = {
    "organization": "providers",
    "owner_org": "providers",
    "groups": "themes",
    "id": "ids",
    "name": "ids",
    "res_format": "formats",
    "license_id": "licences",
    "tags": "tags",
    "kind": "kinds",
    "extras_kind": "kinds",
}
_EVERYTHING = frozenset({"dataset_type", "type", "state", "capacity", "site_id", "private"})
"""What is the same for every entry that is shown."""
_ORDERS = {
    "metadata_modified": ListedBy.UPDATED,
    "metadata_created": ListedBy.CREATED,
    "name": ListedBy.SLUG,
    "title_string": ListedBy.SLUG,
    "id": ListedBy.ID,
    "score": ListedBy.NUMBER,
}


@dataclass(slots=True)
class Narrowed:
    """What ``fq`` leaves over. ``updated`` are the two ends of ``metadata_modified``."""

    providers: set[str] = field(default_factory=set)
    themes: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)
    formats: set[str] = field(default_factory=set)
    licences: set[str] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    updated: tuple[datetime | None, datetime | None] = (None, None)


def narrowed(fq: str) -> Narrowed:
    """The filters of ``fq``; :class:`Invalid` for fields and forms that are not known here."""
    found = Narrowed()
    at = 0
    text = fq.strip()
    while at < len(text):
        clause = _CLAUSE.match(text, at)
        if text.startswith("*:*", at):
            at += 3
        elif clause is None or clause["sign"] == "-":
            raise _unreadable(text[at : at + 60])
        else:
            _take(found, clause["name"], clause["value"])
            at = clause.end()
        while at < len(text) and text[at].isspace():
            at += 1
    unknown = found.kinds - set(Kind)
    if unknown:
        raise _unreadable(f"kind:{min(unknown)}")
    return found


def _take(found: Narrowed, name: str, value: str) -> None:
    if name in _EVERYTHING:
        return
    if name == "metadata_modified":
        found.updated = _range(value)
        return
    if name not in _NAMES or value.startswith("["):
        raise _unreadable(f"{name}:{value}"[:60])
    words = {
        re.sub(r"\\(.)", r"\1", quoted or plain)
        for quoted, plain in _WORD.findall(value)
        if plain not in {"OR", "AND"}
    }
    getattr(found, _NAMES[name]).update(words)


def _range(value: str) -> tuple[datetime | None, datetime | None]:
    first, between, last = value.strip("[]").partition(" TO ")
    if not between:
        raise _unreadable(f"metadata_modified:{value}"[:60])
    return _moment(first), _moment(last)


def _moment(text: str) -> datetime | None:
    bare = text.strip().strip('"')
    if bare == "*":
        return None
    if bare == "NOW":
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(bare)
    except ValueError as error:
        raise Invalid(
            "“{text}” is no time (ISO 8601)",
            field="fq",
            mend="write metadata_modified:[2026-01-01T00:00:00Z TO *]",
            text=bare[:60],
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def order(sort: str) -> tuple[ListedBy, bool] | None:
    """The order of ``sort``, such as ``metadata_modified desc``; ``None`` where none is said."""
    first = sort.partition(",")[0].split()
    if not first:
        return None
    direction = first[1].lower() if len(first) > 1 else "asc"
    if first[0] not in _ORDERS or direction not in {"asc", "desc"}:
        raise Invalid(
            "packages cannot be sorted by “{sort}”",
            field="sort",
            mend="use one of: {names}, with asc or desc",
            sort=sort[:60],
            names=", ".join(_ORDERS),
        )
    return _ORDERS[first[0]], direction == "desc"


def names(value: Any) -> list[str]:
    """A list of names: JSON, a list written as text, or names with commas between."""
    if isinstance(value, list):
        return [str(one) for one in value]
    text = str(value or "").strip()
    if text.startswith("["):
        try:
            found = orjson.loads(text.replace("'", '"'))
        except orjson.JSONDecodeError as error:
            raise Invalid("this is no list of names", field="facet.field") from error
        return [str(one) for one in found] if isinstance(found, list) else []
    return [part.strip() for part in text.split(",") if part.strip()]


def _unreadable(clause: str) -> Invalid:
    return Invalid(
        "this filter is not known here: {clause}",
        field="fq",
        mend="use name:value with one of: {names}",
        clause=clause,
        names=", ".join((*_NAMES, "metadata_modified")),
    )
