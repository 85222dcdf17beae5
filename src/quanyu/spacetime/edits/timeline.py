"""The history of one feature: what each edit made of it, as far as it may be seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from quanyu.kernel import ControlStore
from quanyu.spacetime.changes import Change
from quanyu.spacetime.differences import Value
from quanyu.spacetime.edits.model import Edit
from quanyu.spacetime.edits.register import changed_tables, history
from quanyu.spacetime.edits.rows import GONE, Row
from quanyu.spacetime.model import (
    FID,
    GEOMETRY,
    LOD_GEOMETRY,
    VALID,
    Interval,
    Restriction,
    Version,
)


class Kept(Protocol):
    """The store, as far as a history needs it."""

    control: ControlStore

    def version(self, dataset: str, number: int | None = None) -> Version: ...
    def rows_of(self, version: Version, fids: Sequence[str]) -> dict[str, Row]: ...
    def seen_by(
        self, version: Version, restriction: Restriction, rows: Sequence[Row]
    ) -> dict[str, Row]: ...


@dataclass(frozen=True, slots=True)
class Step:
    """What an edit did to a feature: properties before and after, whether its shape or its times
    are others."""

    edit: Edit
    change: Change
    values: tuple[Value, ...]
    reshaped: bool
    valid: tuple[Interval, Interval] | None


def timeline(
    store: Kept,
    version: Version,
    restriction: Restriction,
    fid: str,
    *,
    before: int | None = None,
    limit: int = 20,
) -> list[Step]:
    """Steps of a feature up to ``version`` (and to versions lower than ``before``), the newest
    first, since all rows were brought in last. An edit of what is hidden alone is no step."""
    below = min(before or version.number + 1, version.number + 1)
    with store.control.read() as session:
        found = history(session, version.dataset, fid, before=below, limit=limit + 1)
        found = [one for one in found if one[0].number > version.whole]
        states = [
            _state(changed_tables(session, version.dataset, edit.number - 1, edit.number)[0], fid)
            for edit, _ in found
        ]
    if len(found) <= limit:
        first = store.version(version.dataset, version.whole)
        states.append(store.rows_of(first, [fid]).get(fid))
    shown = [_shown(store, version, restriction, row) for row in states]
    steps = []
    for (edit, _), after, earlier in zip(found[:limit], shown, shown[1:], strict=False):
        step = _step(edit, earlier, after)
        if step is not None:
            steps.append(step)
    return steps


def _state(table: Any, fid: str) -> Row | None:
    import pyarrow.compute as pc

    row: Row = table.filter(pc.equal(table.column(FID), fid)).to_pylist()[0]
    return None if row.pop(GONE) else row


def _shown(store: Kept, version: Version, restriction: Restriction, row: Row | None) -> Row | None:
    return None if row is None else store.seen_by(version, restriction, [row]).get(row[FID])


def _step(edit: Edit, before: Row | None, after: Row | None) -> Step | None:
    if before == after:
        return None
    change = (
        Change.INSERTED if before is None else Change.DELETED if after is None else Change.UPDATED
    )
    old, new = before or {}, after or {}
    names = [name for name in (new or old) if name not in _OWN]
    values = tuple(
        Value(name, old.get(name), new.get(name))
        for name in names
        if old.get(name) != new.get(name)
    )
    shapes = (GEOMETRY, LOD_GEOMETRY)
    valid = (
        (old.get(VALID[0]), old.get(VALID[1])),
        (new.get(VALID[0]), new.get(VALID[1])),
    )
    return Step(
        edit=edit,
        change=change,
        values=values,
        reshaped=any(old.get(name) != new.get(name) for name in shapes),
        valid=valid if valid[0] != valid[1] else None,
    )


_OWN = frozenset(
    {FID, GEOMETRY, LOD_GEOMETRY, *VALID, "xmin", "ymin", "xmax", "ymax", "zmin", "zmax"}
)
