"""Actions on features computed on one version: what its rows will be, within a restriction.

Who edits sees what a reader under the same restriction sees. What is hidden stays as it is, what is
masked or narrowed cannot be changed, a row that may not be seen is not there, and no edit may leave
a row where its editor could not see it.
"""

import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from quanyu.kernel import Conflict, Invalid, NotFound, PreconditionFailed, Refused
from quanyu.spacetime.changes import Change
from quanyu.spacetime.editing.feature import (
    check_members,
    columns_of,
    geometry_of,
    id_of,
    same_shape,
    valid_of,
    value_of,
)
from quanyu.spacetime.edits.model import Action, Do, Done, EditRequest
from quanyu.spacetime.edits.register import ChangeSet, last_touched, top_of
from quanyu.spacetime.edits.rows import GONE, Row, table_of
from quanyu.spacetime.filter_parse import unknown_property
from quanyu.spacetime.model import (
    BOUNDS,
    FID,
    GEOMETRY,
    LOD_GEOMETRY,
    VALID,
    Bbox,
    Field,
    FieldType,
    GeometryType,
    Interval,
    Version,
)
from quanyu.spacetime.store import Store

_NUMBER = re.compile(r"0|[1-9][0-9]{0,14}")


def compute(
    store: Store, version: Version, request: EditRequest
) -> tuple[ChangeSet, tuple[Done, ...]]:
    """What the request makes of ``version``, and each action's feature.

    Raises ``Invalid`` naming the field, ``NotFound``, ``Conflict`` (the id of an insert is taken),
    ``PreconditionFailed`` (the feature has changed since) or ``Refused``.
    """
    work = _Work(store, version, request)
    done = tuple(work.do(action) for action in request.actions)
    return work.changed(), done


class _Work:
    """The rows that a request touches, as they were and as they become."""

    def __init__(self, store: Store, version: Version, request: EditRequest) -> None:
        self._store, self._version, self._request = store, version, request
        fids = [a.fid for a in request.actions if a.fid is not None]
        fids += [
            fid
            for a in request.actions
            if a.do is Do.INSERT and (fid := id_of(a.feature, a.where)) is not None
        ]
        self._before: dict[str, Row] = store.rows_of(version, list(dict.fromkeys(fids)))
        self._after: dict[str, Row | None] = dict(self._before)
        self._shown = store.seen_by(version, request.restriction, list(self._before.values()))
        with store.control.read() as session:
            self._touched = last_touched(session, version, list(self._before))
            self._top = top_of(session, version)
        self._fields = self._editable()

    def do(self, action: Action) -> Done:
        """Do one action to the rows."""
        if action.do is Do.INSERT:
            return self._insert(action)
        fid = action.fid or ""
        row, shown = self._after.get(fid), self._shown.get(fid)
        if row is None or shown is None:
            raise NotFound("there is no feature {id}", id=fid[:80], field=f"{action.where}id")
        if action.seen is not None and self._touched.get(fid) not in action.seen:
            raise PreconditionFailed(
                "the feature {id} has changed since it was read",
                field="If-Match",
                mend="read it again and send the ETag that comes with it",
                id=fid[:80],
            )
        if action.do is Do.DELETE:
            self._after[fid] = None
            return Done(fid, Change.DELETED)
        patch = action.do is Do.UPDATE
        check_members(action.feature, action.where, patch=patch)
        named = id_of(action.feature, action.where)
        if named not in (None, fid):
            raise Invalid(
                "the feature says another id than its address",
                field=f"{action.where}id",
                mend="leave the id out",
            )
        self._after[fid] = self._filled(action, dict(row), shown, patch=patch)
        return Done(fid, Change.UPDATED)

    def changed(self) -> ChangeSet:
        """All that has changed, checked to be where its editor may see it."""
        changes: dict[str, Change] = {}
        rows: list[Row] = []
        for fid, after in self._after.items():
            before = self._before.get(fid)
            if before == after:
                continue
            changes[fid] = (
                Change.DELETED
                if after is None
                else Change.INSERTED
                if before is None
                else Change.UPDATED
            )
            rows.append({FID: fid, GONE: True} if after is None else {**after, GONE: False})
        left = [row for row in rows if not row[GONE]]
        seen = self._store.seen_by(self._version, self._request.restriction, left)
        for row in left:
            if row[FID] not in seen:
                raise Refused(
                    "the feature {id} would lie outside of what you may see",
                    rule="edit.outside",
                    mend="keep it within the rows, the region and the time of the agreement",
                    id=str(row[FID])[:80],
                )
        return ChangeSet(
            parent=self._version,
            rows=table_of(self._version, rows),
            changes=changes,
            bbox=bbox_of(left),
            interval=interval_of(left),
            top=self._highest(changes),
            restores=self._request.restores,
        )

    def _insert(self, action: Action) -> Done:
        check_members(action.feature, action.where, patch=False)
        fid = id_of(action.feature, action.where)
        if fid is None:
            fid = self._next_id()
        elif self._after.get(fid) is not None:
            raise Conflict(
                "there is a feature {id} already",
                field=f"{action.where}id",
                mend="leave the id out: then one is made",
                id=fid[:80],
            )
        blank: Row = dict.fromkeys(name for name in table_of(self._version, []).column_names)
        del blank[GONE]
        row = {**blank, FID: fid}
        self._after[fid] = self._shown[fid] = self._filled(action, row, row, patch=False)
        return Done(fid, Change.INSERTED)

    def _filled(self, action: Action, row: Row, shown: Row, *, patch: bool) -> Row:
        """A row with what the feature says of it; ``shown`` is how the editor sees it."""
        given: Mapping[str, Any] = action.feature.get("properties") or {}
        for name in given:
            if name not in self._fields:
                raise unknown_property(name, self._fields, f"{action.where}properties")
        identities = self._store.identities(self._version)
        for name, (field, masked) in self._fields.items():
            if name in identities:
                row[name] = _identity(field, row[FID], given.get(name), action.where)
                continue
            if name not in given:
                if not patch and not masked:
                    row[name] = None
                continue
            if masked:
                _check_unchanged(given[name], shown.get(name), name, action.where)
            else:
                row[name] = value_of(field, given[name], action.where)
        self._shape(action, row, shown, patch=patch)
        if "time" in action.feature:
            row[VALID[0]], row[VALID[1]] = valid_of(action.feature["time"], action.where)
        return row

    def _shape(self, action: Action, row: Row, shown: Row, *, patch: bool) -> None:
        """Put the geometry in, unless it is left as it is."""
        feature, where, version = action.feature, action.where, self._version
        # JSON-FG gives a geometry outside of CRS84 as its place.
        given = feature.get("place") or feature.get("geometry")
        if "geometry" not in feature and "place" not in feature:
            if patch or version.geometry is GeometryType.NONE:
                return
            raise Invalid(
                "the feature says nothing of its geometry",
                field=f"{where}geometry",
                mend="give one, or null",
            )
        geometry = geometry_of(given, action.crs, version, where)
        if same_shape(geometry, shown.get(GEOMETRY)):
            return
        restriction = self._request.restriction
        narrowed = restriction.grid_m is not None or (
            restriction.region is not None and shown.get(GEOMETRY) != row.get(GEOMETRY)
        )
        if narrowed and row is not shown:
            raise Refused(
                "only a part of this geometry may be seen, so it cannot be changed",
                rule="edit.narrowed",
                field=f"{where}geometry",
                mend="send it as you read it, or leave it out",
            )
        if version.city_model:
            raise Invalid(
                "the shape of a city object is more than this geometry",
                field=f"{where}geometry",
                mend="bring the object in as CityJSON; its attributes can be edited here",
            )
        row |= columns_of(geometry, version)

    def _editable(self) -> dict[str, tuple[Field, bool]]:
        """Properties that the editor sees, and whether masked: then they cannot be changed."""
        columns = self._request.restriction.columns
        masks = None if columns is None else {c.name: c.mask is not None for c in columns}
        return {
            field.name: (field, masks is not None and masks[field.name])
            for field in self._version.fields
            if field.name != LOD_GEOMETRY and (masks is None or field.name in masks)
        }

    def _next_id(self) -> str:
        """A new id: the next number where ids are numbers."""
        highest = self._store.highest_id(self._version)
        if highest is None:
            return str(uuid4())
        self._top = max(highest, self._top or 0) + 1
        return str(self._top)

    def _highest(self, changes: Mapping[str, Change]) -> int | None:
        numbers = [int(fid) for fid in changes if _NUMBER.fullmatch(fid)]
        if self._top is not None:
            numbers.append(self._top)
        return max(numbers, default=None)


def _identity(field: Field, fid: str, given: Any, where: str) -> Any:
    """The value of a property that says the id over again; what is given can be nothing else."""
    if given is not None and str(given) != fid:
        raise Invalid(
            "“{name}” is the id of the feature, {id}",
            field=f"{where}properties.{field.name}",
            mend="leave it out",
            name=field.name,
            id=fid[:80],
        )
    if field.type is FieldType.STRING:
        return fid
    return int(fid) if _NUMBER.fullmatch(fid) else None


def _check_unchanged(given: Any, shown: Any, name: str, where: str) -> None:
    if given is not None and str(given) != str(shown):
        raise Refused(
            "only a mask of “{name}” may be seen, so it cannot be changed",
            rule="edit.masked",
            field=f"{where}properties.{name}",
            mend="send it as you read it, or leave it out",
            name=name,
        )


def bbox_of(rows: list[Row]) -> Bbox | None:
    """The box around rows."""
    boxes = [tuple(row[name] for name in BOUNDS) for row in rows if row.get(BOUNDS[0]) is not None]
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)


def interval_of(rows: list[Row]) -> Interval:
    """First and last known time of rows."""
    starts = [row[VALID[0]] for row in rows if row.get(VALID[0]) is not None]
    ends = [row[VALID[1]] for row in rows if row.get(VALID[1]) is not None]
    return min(starts, default=None), max(ends, default=None)
