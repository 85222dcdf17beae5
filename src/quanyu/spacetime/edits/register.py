"""The register of edits: publishing them is one transaction, with the versions that they make."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from quanyu.kernel import Conflict, announce, blind, new_salt, now, owe, sha256_hex
from quanyu.spacetime.changes import Change
from quanyu.spacetime.edits.model import Edit, Editor
from quanyu.spacetime.edits.rows import packed, unpacked
from quanyu.spacetime.model import Bbox, Interval, Version
from quanyu.spacetime.tables import DatasetRow, EditedRow, EditKeyRow, EditRow, FoldRow
from quanyu.spacetime.versions import VersionPublished, row_of
from quanyu.spacetime.versions import version as read_version

if TYPE_CHECKING:
    import pyarrow as pa

KEYS_KEPT = timedelta(days=7)
"""How long the answer to a request with a key is remembered."""

_AT_ONCE = 1000  # ids in one statement: databases take a few tens of thousands of parameters


class Overtaken(Exception):
    """Another edit touched the same rows first, or all rows came anew."""


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Rows as an edit leaves them, computed on ``parent``.

    ``changes`` says of each id what happened to it; ``rows`` is a table of
    :func:`~quanyu.spacetime.edits.rows.schema_of`; ``top`` the highest id that is a number.
    """

    parent: Version
    rows: "pa.Table"
    changes: dict[str, Change]
    bbox: Bbox | None
    interval: Interval
    top: int | None
    restores: int | None = None
    undoes: int | None = None

    def count(self, change: Change) -> int:
        """How many rows that happened to."""
        return sum(1 for one in self.changes.values() if one is change)


def publish_edit(session: Session, changed: ChangeSet, editor: Editor) -> Version:
    """Make ``changed`` the newest version of its dataset.

    Owes the log ``version.edited`` (who as a salted commitment, what as a digest) and announces
    :class:`VersionPublished`. Raises :class:`Overtaken` when it does not rest on the newest rows.
    """
    dataset = changed.parent.dataset
    # Locked, so that on PostgreSQL too one edit of a dataset is published after another.
    row = session.get_one(DatasetRow, dataset, with_for_update=True)
    newest = read_version(session, dataset, row.newest)
    if newest.whole != changed.parent.whole or _touched_since(session, changed):
        raise Overtaken
    row.newest += 1
    fold = _newest_fold(session, newest)
    inserted, deleted = changed.count(Change.INSERTED), changed.count(Change.DELETED)
    version = replace(
        newest,
        number=row.newest,
        table=fold.table if fold else newest.table,
        delta_version=fold.delta_version if fold else newest.delta_version,
        base=fold.number if fold else newest.base,
        rows=newest.rows + inserted - deleted,
        bbox=_around(newest.bbox, changed.bbox),
        interval=_spanning(newest.interval, changed.interval, whole=newest.rows == 0),
        source=f"edit of version {newest.number}",
        source_sha256=None,
        created_at=_after(newest.created_at),
    )
    session.add(row_of(version))
    session.flush()
    data, salt = packed(changed.rows), new_salt()
    digest = sha256_hex(data)
    edit = EditRow(
        dataset=dataset,
        number=version.number,
        at=version.created_at,
        editor=editor.id,
        note=editor.note,
        inserted=inserted,
        updated=changed.count(Change.UPDATED),
        deleted=deleted,
        restores=changed.restores,
        undoes=changed.undoes,
        top=changed.top,
        rows=data,
        digest=digest,
        salt=salt,
    )
    session.add(edit)
    session.add_all(
        EditedRow(dataset=dataset, fid=fid, number=version.number, change=change.value)
        for fid, change in changed.changes.items()
    )
    session.flush()
    owe(session, "version.edited", dataset, _leaf(edit, newest.number))
    announce(session, VersionPublished(dataset, version.number))
    return version


def last_touched(session: Session, version: Version, fids: Sequence[str]) -> dict[str, int]:
    """The number of the last version up to ``version`` that touched each row: that of the edit, or
    of the whole that edits began from."""
    if not version.edited and version.whole == version.number:
        return dict.fromkeys(fids, version.whole)
    found = dict.fromkeys(fids, version.whole)
    for first in range(0, len(fids), _AT_ONCE):
        query = (
            select(EditedRow.fid, func.max(EditedRow.number))
            .where(
                EditedRow.dataset == version.dataset,
                EditedRow.fid.in_(fids[first : first + _AT_ONCE]),
                EditedRow.number > version.whole,
                EditedRow.number <= version.number,
            )
            .group_by(EditedRow.fid)
        )
        found |= {fid: int(number) for fid, number in session.execute(query)}
    return found


def touched_between(session: Session, dataset: str, after: int, upto: int) -> list[str]:
    """Ids that edits touched after one version and up to another, in order."""
    query = select(EditedRow.fid).where(
        EditedRow.dataset == dataset, EditedRow.number > after, EditedRow.number <= upto
    )
    return sorted(set(session.scalars(query)))


def changed_tables(session: Session, dataset: str, after: int, upto: int) -> list["pa.Table"]:
    """What edits left of the rows that they touched, after one version and up to another, oldest
    first."""
    query = (
        select(EditRow.rows)
        .where(EditRow.dataset == dataset, EditRow.number > after, EditRow.number <= upto)
        .order_by(EditRow.number)
    )
    return [unpacked(data) for data in session.scalars(query)]


def edit_of(session: Session, dataset: str, number: int) -> Edit | None:
    """The edit that made a version; ``None`` where it came in at once."""
    row = session.get(EditRow, (dataset, number))
    return None if row is None else _edit(row)


def change_sets(
    session: Session, dataset: str, *, before: int | None = None, limit: int = 100
) -> list[Edit]:
    """Edits of a dataset, the newest first."""
    query = select(EditRow).where(EditRow.dataset == dataset)
    if before is not None:
        query = query.where(EditRow.number < before)
    query = query.order_by(EditRow.number.desc()).limit(limit)
    return [_edit(row) for row in session.scalars(query)]


def history(
    session: Session, dataset: str, fid: str, *, before: int | None = None, limit: int = 100
) -> list[tuple[Edit, Change]]:
    """Edits that touched a row and what each did to it, the newest first."""
    query = (
        select(EditRow, EditedRow.change)
        .join(
            EditedRow,
            (EditedRow.dataset == EditRow.dataset) & (EditedRow.number == EditRow.number),
        )
        .where(EditedRow.dataset == dataset, EditedRow.fid == fid)
    )
    if before is not None:
        query = query.where(EditRow.number < before)
    query = query.order_by(EditRow.number.desc()).limit(limit)
    return [(_edit(row), Change(change)) for row, change in session.execute(query)]


def top_of(session: Session, version: Version) -> int | None:
    """The highest number among ids as the last edit knew it; ``None`` before any."""
    query = (
        select(EditRow.top)
        .where(
            EditRow.dataset == version.dataset,
            EditRow.number > version.whole,
            EditRow.number <= version.number,
        )
        .order_by(EditRow.number.desc())
        .limit(1)
    )
    return session.scalar(query)


def answer_to(session: Session, editor: Editor, key: str, payload: str) -> dict[str, Any] | None:
    """What was answered when this request came before; raises :class:`Conflict` when the key came
    with another payload (by its digest)."""
    row = session.get(EditKeyRow, (editor.id, key))
    if row is None or row.at < now() - KEYS_KEPT:
        return None
    if row.payload != payload:
        raise Conflict(
            "this key came before with another request",
            field="Idempotency-Key",
            mend="give each request a key of its own",
        )
    return dict(row.answer)


def keep_answer(
    session: Session, editor: Editor, key: str, payload: str, answer: dict[str, Any]
) -> None:
    """Remember what is answered, and forget what is old."""
    session.execute(delete(EditKeyRow).where(EditKeyRow.at < now() - KEYS_KEPT))
    row = EditKeyRow(editor=editor.id, key=key, at=now(), payload=payload, answer=answer)
    session.add(row)
    session.flush()


def note_fold(session: Session, folded: Version, table: str, delta_version: int) -> None:
    """From now on edits are laid over the table that holds ``folded`` as one."""
    row = FoldRow(
        dataset=folded.dataset,
        number=folded.number,
        table=table,
        delta_version=delta_version,
        at=now(),
    )
    session.merge(row)
    session.flush()


def _touched_since(session: Session, changed: ChangeSet) -> bool:
    query = select(EditedRow.fid).where(
        EditedRow.dataset == changed.parent.dataset, EditedRow.number > changed.parent.number
    )
    return any(fid in changed.changes for fid in session.scalars(query))


def _newest_fold(session: Session, newest: Version) -> FoldRow | None:
    query = (
        select(FoldRow)
        .where(
            FoldRow.dataset == newest.dataset,
            FoldRow.number > newest.base,
            FoldRow.number <= newest.number,
        )
        .order_by(FoldRow.number.desc())
        .limit(1)
    )
    return session.scalar(query)


def _leaf(edit: EditRow, parent: int) -> dict[str, Any]:
    """What the log is told: who as a commitment, what as a digest."""
    return {
        "number": edit.number,
        "parent": parent,
        "inserted": edit.inserted,
        "updated": edit.updated,
        "deleted": edit.deleted,
        "restores": edit.restores or 0,
        "undoes": edit.undoes or 0,
        "rows_sha256": edit.digest,
        "editor": blind(edit.editor, edit.salt),
    }


def _edit(row: EditRow) -> Edit:
    return Edit(
        dataset=row.dataset,
        number=row.number,
        at=row.at,
        editor=row.editor,
        note=row.note,
        inserted=row.inserted,
        updated=row.updated,
        deleted=row.deleted,
        restores=row.restores,
        undoes=row.undoes,
    )


def _after(moment: datetime) -> datetime:
    """Now, and later than ``moment``: a time names one version."""
    return max(now(), moment + timedelta(microseconds=1))


def _around(one: Bbox | None, other: Bbox | None) -> Bbox | None:
    if one is None or other is None:
        return one or other
    return (
        min(one[0], other[0]),
        min(one[1], other[1]),
        max(one[2], other[2]),
        max(one[3], other[3]),
    )


def _spanning(one: Interval, other: Interval, *, whole: bool) -> Interval:
    """Both intervals; one without a start says nothing unless it is all there is."""
    if whole:
        return other
    starts = [t for t in (one[0], other[0]) if t is not None]
    ends = [t for t in (one[1], other[1]) if t is not None]
    return min(starts, default=None), max(ends, default=None)
