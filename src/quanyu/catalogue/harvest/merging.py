"""Three descriptions put together: what the source said last, what stands here, what it says now.

What changed only there is taken over; what was edited here stays; where both changed, ours stays
and the field is in conflict until a steward chooses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from quanyu.kernel import canonical, sha256_hex

Document: TypeAlias = Mapping[str, Any]

_OURS = frozenset({"slug", "kind", "provider", "example", "generated", "lineage", "attributes"})
"""What the source has no say in: names here, and what is only known here."""

_NAMES = frozenset({*_OURS, "distributions", "version"})


@dataclass(frozen=True, slots=True)
class Merged:
    """``document`` is what shall stand here; ``changed`` what is taken over from the source.

    ``kept`` are the fields that differ from the source because they were edited here;
    ``conflicts`` those of them that changed there too, with both sides.
    """

    document: dict[str, Any]
    changed: dict[str, dict[str, Any]]
    kept: tuple[str, ...]
    conflicts: dict[str, dict[str, Any]]


def merge(
    base: Document, ours: Document, theirs: Document, open_conflicts: Document | None = None
) -> Merged:
    """Merge by fields; conflicts that are open stay so until ours and theirs are the same."""
    known = open_conflicts or {}
    document, changed = dict(ours), {}
    kept: list[str] = []
    conflicts: dict[str, dict[str, Any]] = {}
    for name in sorted(set(theirs) - _OURS):
        was, mine, now = base.get(name), ours.get(name), theirs[name]
        if now == mine:
            continue
        if name not in known and (mine == was or name not in ours):
            document[name] = now
            changed[name] = {"old": mine, "new": now}
        else:
            kept.append(name)
            if now != was or name in known:
                conflicts[name] = {"ours": mine, "theirs": now}
    return Merged(document, changed, tuple(kept), conflicts)


def digest(document: Document) -> str:
    """What a description is known by: equal for equal ones."""
    return _sha({name: value for name, value in document.items() if name not in _OURS})


def likeness(document: Document) -> str:
    """The same without addresses, which carry identifiers: for a record under another id."""
    return _sha({name: value for name, value in document.items() if name not in _NAMES})


def _sha(document: Document) -> str:
    return sha256_hex(canonical(dict(document)))
