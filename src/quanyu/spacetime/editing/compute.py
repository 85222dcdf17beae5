"""Actions on features computed on one version: what its rows will be, within a restriction.

Who edits sees what a reader under the same restriction sees. What is hidden stays as it is, what is
masked or narrowed cannot be changed, a row that may not be seen is not there, and no edit may leave
a row where its editor could not see it.
"""

import re
from collections.abc import Mapping, Sequence
from uuid import uuid4

import orjson

from quanyu.kernel import Conflict, Invalid, NotFound, PreconditionFailed, Refused
from quanyu.spacetime.changes import Change
from quanyu.spacetime.cityobjects.model import PARENTS
from quanyu.spacetime.editing.city_object import CityObject, city_object
from quanyu.spacetime.editing.feature import check_members, id_of
from quanyu.spacetime.editing.filling import Filling
from quanyu.spacetime.edits.model import Action, Do, Done, Edited, EditRequest
from quanyu.spacetime.edits.register import ChangeSet, last_touched, top_of
from quanyu.spacetime.edits.rows import GONE, Row, bbox_of, interval_of, table_of
from quanyu.spacetime.model import FID, Version
from quanyu.spacetime.store import Store

_NUMBER = re.compile(r"0|[1-9][0-9]{0,14}")


def compute(store: Store, version: Version, request: EditRequest) -> tuple[ChangeSet, Edited]:
    """What the request makes of ``version``, and each action's feature.

    Raises ``Invalid`` naming the field, ``NotFound``, ``Conflict`` (the id of an insert is taken),
    ``PreconditionFailed`` (the feature has changed since) or ``Refused``.
    """
    work = _Work(store, version, request)
    done = tuple(map(work.do, request.actions, work.objects))
    findings = tuple(said for made in work.objects if made for said in made.findings)
    return work.changed(), Edited(version, done, findings)


class _Work:
    """The rows that a request touches, as they were and as they become."""

    def __init__(self, store: Store, version: Version, request: EditRequest) -> None:
        self._store, self._version, self._request = store, version, request
        self.objects = [self._city_object(action) for action in request.actions]
        self._below = {
            a.fid: store.below(version, a.fid)
            for a in request.actions
            if a.fid is not None and (a.city is not None or a.do is Do.DELETE)
        }
        fids = [a.fid for a in request.actions if a.fid is not None]
        fids += [fid for below in self._below.values() for fid in below]
        fids += [fid for made in self.objects if made for fid in (*made.shapes, *made.above)]
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
        self._filling = Filling(store, version, request.restriction)

    def do(self, action: Action, made: CityObject | None) -> Done:
        """Do one action to the rows."""
        if action.do is Do.INSERT:
            return self._insert(action) if made is None else self._bring_in(action, made)
        fid = action.fid or ""
        row, shown = self._after.get(fid), self._shown.get(fid)
        if row is None or shown is None:
            raise NotFound("there is no feature {id}", id=fid[:80], field=f"{action.where}id")
        below = self._below[fid] if made is not None else ()
        self._check_seen(action, [fid, *(one for one in below if one in self._shown)])
        if made is not None:
            return self._exchange(action, made)
        if action.do is Do.DELETE:
            for gone in (fid, *self._below[fid]):
                if gone in self._shown:
                    self._after[gone] = None
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
        self._after[fid] = self._filling.filled(action, dict(row), shown, patch=patch)
        return Done(fid, Change.UPDATED)

    def _check_seen(self, action: Action, fids: Sequence[str]) -> None:
        """The last version that touched any of them has to be one that the editor has seen."""
        last = max((self._touched.get(fid) or 0 for fid in fids), default=0)
        if action.seen is not None and last not in action.seen:
            raise PreconditionFailed(
                "the feature {id} has changed since it was read",
                field="If-Match",
                mend="read it again and send the ETag that comes with it",
                id=fids[0][:80],
            )

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
        for fid, row in self._parents_of(changes).items():
            changes[fid] = Change.UPDATED
            rows.append({**row, GONE: False})
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

    def _parents_of(self, changes: Mapping[str, Change]) -> dict[str, Row]:
        """Rows above city objects that came or went: they count as touched, so that nobody brings
        back unseen what another has taken away."""
        if not self._version.city_model:
            return {}
        parents = {
            parent
            for fid, change in changes.items()
            if change is not Change.UPDATED
            for row in (self._after[fid] or self._before[fid],)
            for parent in orjson.loads(row.get(PARENTS) or "[]")
            if parent not in changes
        }
        rows = self._store.rows_of(self._version, sorted(parents))
        return {
            fid: rows[fid]
            for fid in self._store.seen_by(
                self._version, self._request.restriction, list(rows.values())
            )
        }

    def _insert(self, action: Action) -> Done:
        check_members(action.feature, action.where, patch=False)
        fid = id_of(action.feature, action.where)
        if fid is None:
            fid = self._next_id()
        elif self._after.get(fid) is not None:
            raise _taken(fid, action.where)
        row = self._blank(fid)
        self._after[fid] = self._shown[fid] = self._filling.filled(action, row, row, patch=False)
        return Done(fid, Change.INSERTED)

    def _blank(self, fid: str) -> Row:
        blank: Row = dict.fromkeys(name for name in table_of(self._version, []).column_names)
        del blank[GONE]
        return {**blank, FID: fid}

    def _bring_in(self, action: Action, made: CityObject) -> Done:
        """Insert a city object with all that is below it."""
        for fid in made.shapes:
            id_of({"id": fid}, action.where)
            if self._after.get(fid) is not None:
                raise _taken(fid, action.where)
            row = self._blank(fid)
            self._after[fid] = self._shown[fid] = row
        self._fill_objects(action, made)
        return Done(made.top, Change.INSERTED)

    def _exchange(self, action: Action, made: CityObject) -> Done:
        """Put a city object, with all that is below it, in the place of the one that was."""
        fid = action.fid or ""
        if made.top != fid:
            raise Invalid(
                "the document is of the city object {other}, and the address of {id}",
                field=f"{action.where}CityObjects",
                mend="send it to the address of that object",
                other=made.top[:80],
                id=fid[:80],
            )
        family = {fid, *self._below[fid]}
        for key in made.shapes:
            id_of({"id": key}, action.where)
            known = self._after.get(key)
            if known is not None and (key not in family or key not in self._shown):
                raise _taken(key, action.where)
            if known is None:
                self._after[key] = self._shown[key] = self._blank(key)
        for key in family - made.shapes.keys():
            if key in self._shown:
                self._after[key] = None
        self._fill_objects(action, made)
        return Done(fid, Change.UPDATED)

    def _fill_objects(self, action: Action, made: CityObject) -> None:
        for parent in made.above:
            if self._after.get(parent) is None or parent not in self._shown:
                raise Invalid(
                    "the city object refers to {id}, which is not there",
                    field=f"{action.where}CityObjects",
                    mend="name a parent that is in the dataset, or none",
                    id=parent[:80],
                )
        for fid, shape in made.shapes.items():
            row, shown = dict(self._after[fid] or {}), self._shown[fid]
            self._filling.properties(made.properties[fid], row, shown, action.where, patch=False)
            if any(row[name] != value for name, value in shape.items()):
                self._filling.check_whole(row, shown, f"{action.where}CityObjects")
                row |= shape
            self._after[fid] = row

    def _city_object(self, action: Action) -> CityObject | None:
        if action.city is None:
            return None
        city = self._store.city(self._version)
        if city is None:
            raise Invalid(
                "these data are no city model",
                field=f"{action.where}CityObjects",
                mend="send a feature as GeoJSON",
            )
        return city_object(action.city, self._version, city, action.where)

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


def _taken(fid: str, where: str) -> Conflict:
    return Conflict(
        "there is a feature {id} already",
        field=f"{where}id",
        mend="leave the id out: then one is made",
        id=fid[:80],
    )
