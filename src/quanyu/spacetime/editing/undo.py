"""Undoing: an earlier state as a new version. What has been stays on record.

One edit is undone where nobody has touched its rows since; going back to a version takes back all
that came after it. Both are edits like others: new versions, with who and when.
"""

from quanyu.kernel import Conflict, Invalid, NotFound, Refused
from quanyu.spacetime.changes import Change
from quanyu.spacetime.edits.model import Done, Edited, EditRequest
from quanyu.spacetime.edits.register import (
    ChangeSet,
    edit_of,
    last_touched,
    top_of,
    touched_between,
)
from quanyu.spacetime.edits.rows import GONE, Row, bbox_of, interval_of, table_of
from quanyu.spacetime.model import FID, Version
from quanyu.spacetime.store import Store

MOST_NAMED = 10


def undo(store: Store, version: Version, request: EditRequest) -> tuple[ChangeSet, Edited]:
    """What undoing an edit (``request.undoes``), or going back to a version (``restores``), makes
    of ``version``.

    Raises ``NotFound``, ``Refused`` for an editor who does not see everything, ``Conflict`` where
    rows were touched since, and ``Invalid`` for a version that rows did not come from by edits.
    """
    if not request.restriction.open:
        raise Refused(
            "only who sees all of the data may take changes back",
            rule="edit.undo",
            mend="ask the holder",
        )
    if request.undoes is not None:
        number = request.undoes
        fids = _of_one(store, version, number)
        before = store.version(request.dataset, number - 1)
    else:
        number = request.restores or 0
        before = store.version(request.dataset, number)
        fids = _since(store, version, before)
    then, now = store.rows_of(before, fids), store.rows_of(version, fids)
    changes: dict[str, Change] = {}
    rows: list[Row] = []
    for fid in fids:
        old, new = then.get(fid), now.get(fid)
        if old == new:
            continue
        if old is None:
            changes[fid] = Change.DELETED
            rows.append({FID: fid, GONE: True})
        else:
            changes[fid] = Change.INSERTED if new is None else Change.UPDATED
            rows.append({**old, GONE: False})
    with store.control.read() as session:
        top = top_of(session, version)
    left = [row for row in rows if not row[GONE]]
    changed = ChangeSet(
        parent=version,
        rows=table_of(version, rows),
        changes=changes,
        bbox=bbox_of(left),
        interval=interval_of(left),
        top=top,
        restores=request.restores,
        undoes=request.undoes,
    )
    done = tuple(Done(fid, change) for fid, change in changes.items())
    return changed, Edited(version, done)


def _of_one(store: Store, version: Version, number: int) -> list[str]:
    """Rows of one edit, which nobody may have touched since."""
    with store.control.read() as session:
        known = edit_of(session, version.dataset, number)
        if known is None or number > version.number:
            raise NotFound(
                "version {number} of {dataset} came of no edit",
                field="version",
                mend="name one of its edits",
                number=number,
                dataset=version.dataset,
            )
        fids = touched_between(session, version.dataset, number - 1, number)
        last = last_touched(session, version, fids)
    later = [fid for fid, touched in last.items() if touched != number]
    if later:
        raise Conflict(
            "later edits touched the same features: {ids}",
            field="version",
            mend="undo those first, or go back to a version",
            ids=", ".join(sorted(later)[:MOST_NAMED]),
        )
    return fids


def _since(store: Store, version: Version, before: Version) -> list[str]:
    """Rows that edits touched after a version."""
    if before.whole != version.whole:
        raise Invalid(
            "between version {number} and now all rows were brought in anew",
            field="version",
            mend="go back to a version since {first}, or bring the older source in again",
            number=before.number,
            first=version.whole,
        )
    with store.control.read() as session:
        return touched_between(session, version.dataset, before.number, version.number)
