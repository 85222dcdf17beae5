"""One record of a source put into the catalogue: added, changed, left alone, or refused."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import State
from quanyu.catalogue.entries import amend, publish, register, resource, save_draft
from quanyu.catalogue.exchange import Entry, Remark
from quanyu.catalogue.harvest.mapping import draft_of_entry, slug_of
from quanyu.catalogue.harvest.merging import digest, likeness, merge
from quanyu.catalogue.harvest.model import HarvestSource, RecordOutcome, SourceKind, Trust
from quanyu.catalogue.harvest.reasons import because, printable, reason_of
from quanyu.catalogue.harvest.tables import ItemRow, RecordRow
from quanyu.catalogue.identifier import identifier_valid
from quanyu.catalogue.model import Resource, ResourceDraft
from quanyu.catalogue.rows import document, draft_from
from quanyu.catalogue.tables import ResourceRow
from quanyu.kernel import Invalid, QuanyuError, ResourceId, now, sha256_hex
from quanyu.parties import Caller

_LONGEST_ID = 2_000
_WORLDWIDE = re.compile(
    r"(?i)(?:urn:|https?://|doi:|10\.\d{4,9}/)\S+|\{?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?"
)


@dataclass(frozen=True, slots=True)
class Taking:
    """What taking needs to know: the source, the run, who does it, and addresses of this node."""

    source: HarvestSource
    run: str
    caller: Caller
    area: str
    own_urls: tuple[str, ...]
    node: str = ""


def take_entries(
    session: Session, doing: Taking, entries: Iterable[Entry], rejects: Iterable[Remark]
) -> Counter[RecordOutcome]:
    """Put records into the catalogue; how many came to which outcome."""
    counts: Counter[RecordOutcome] = Counter()
    for entry in entries:
        try:
            with session.begin_nested():
                outcome = _take(session, doing, entry)
        except QuanyuError as error:
            outcome = RecordOutcome.REJECTED
            _still_there(session, doing, entry.identifier)
            _note(session, doing, entry, outcome, reason=reason_of(error))
        counts[outcome] += 1
    for remark in rejects:
        counts[RecordOutcome.REJECTED] += 1
        _still_there(session, doing, remark.place)
        session.add(_item(doing, remark.place, "", RecordOutcome.REJECTED, reason_of(remark.error)))
    return counts


def key_of(remote_id: str) -> str:
    """What a record is found by."""
    return sha256_hex(remote_id.encode("utf-8", "replace"))


def _take(session: Session, doing: Taking, entry: Entry) -> RecordOutcome:
    named = entry.identifier.strip() and entry.identifier.isprintable()
    if not named or len(entry.identifier) > _LONGEST_ID:
        raise Invalid(
            "a record needs a printable identifier of at most {most} characters",
            field="identifier",
            most=_LONGEST_ID,
        )
    key = key_of(entry.identifier)
    record = session.scalar(
        select(RecordRow).where(RecordRow.source == doing.source.id, RecordRow.key == key)
    )
    if record is None:
        elsewhere = _known_elsewhere(session, doing, entry, key)
        if elsewhere is not None:
            return elsewhere
        return _new(session, doing, entry, key)
    return _known(session, doing, entry, record)


def _known_elsewhere(
    session: Session, doing: Taking, entry: Entry, key: str
) -> RecordOutcome | None:
    """Records that are this node's own, or that another source gave already."""
    names = {entry.identifier, *entry.other_identifiers}
    addresses = (entry.uri, entry.landing_page, entry.identifier)
    codes = [name for name in names if identifier_valid(name)]
    same = session.execute(
        select(ResourceRow.id, RecordRow.number)
        .outerjoin(RecordRow, RecordRow.resource == ResourceRow.id)
        .where(ResourceRow.code.in_(codes))
    ).first() if codes else None  # fmt: skip
    ours = any(a.startswith(u + "/") for a in addresses for u in doing.own_urls)
    if ours or (same is not None and same[1] is None):
        said = because("this is a record of this node, come back by another one")
        found = ResourceId(same[0]) if same else None
        _note(session, doing, entry, RecordOutcome.SKIPPED, reason=said, of=found)
        return RecordOutcome.SKIPPED
    if same is None and _WORLDWIDE.fullmatch(entry.identifier):
        same = session.execute(
            select(ResourceRow.id, RecordRow.number).where(
                RecordRow.key == key,
                RecordRow.source != doing.source.id,
                ResourceRow.id == RecordRow.resource,
            )
        ).first()
    if same is None:
        return None
    said = because("another source gave a record with this identifier before")
    _note(session, doing, entry, RecordOutcome.DUPLICATE, reason=said, of=ResourceId(same[0]))
    return RecordOutcome.DUPLICATE


def _new(session: Session, doing: Taking, entry: Entry, key: str) -> RecordOutcome:
    draft = draft_of_entry(entry, doing.source, _free_slug(session, entry))
    theirs = document(draft)
    alike = likeness(theirs)
    renamed = session.scalar(
        select(RecordRow)
        .where(
            RecordRow.source == doing.source.id,
            RecordRow.alike == alike,
            RecordRow.last_run != doing.run,
            RecordRow.resource.is_not(None),
        )
        .limit(1)
    )
    if renamed is not None:
        was, renamed.remote_id, renamed.key = renamed.remote_id, entry.identifier, key
        difference = {"identifier": {"old": was, "new": entry.identifier}}
        _seen(renamed, doing, entry, theirs)
        found = ResourceId(renamed.resource or "")
        _note(session, doing, entry, RecordOutcome.RENAMED, of=found, differences=difference)
        return RecordOutcome.RENAMED
    made = _create(session, doing, entry, draft)
    record = RecordRow(
        source=doing.source.id, key=key, remote_id=entry.identifier, resource=made.id,
        conflicts={}, kept=[], first_seen_at=now(), missing=0,
    )  # fmt: skip
    _seen(record, doing, entry, theirs)
    session.add(record)
    _note(session, doing, entry, RecordOutcome.ADDED, of=made.id)
    return RecordOutcome.ADDED


def _create(session: Session, doing: Taking, entry: Entry, draft: ResourceDraft) -> Resource:
    """A draft, or an entry that is on show at once; another node's keeps its published code."""
    code = None
    if doing.source.kind is SourceKind.QUANYU:
        names = (entry.identifier, *entry.other_identifiers)
        code = next((name for name in names if identifier_valid(name)), None)
    if doing.source.settings.trust is Trust.REVIEW:
        return save_draft(session, draft, doing.caller, area=doing.area, code=code)
    made = register(session, draft, doing.caller, area=doing.area, code=code)
    return publish(session, made.id, doing.caller, note=f"harvested: {doing.source.id}")


def _known(session: Session, doing: Taking, entry: Entry, record: RecordRow) -> RecordOutcome:
    of = resource(session, record.resource or "")
    theirs = document(draft_of_entry(entry, doing.source, of.slug))
    if record.last_run == doing.run:
        if digest(theirs) == record.digest:
            return RecordOutcome.UNCHANGED
        raise Invalid(
            "this identifier stands twice in the source, with different content",
            field="identifier",
            mend="the first one is kept; tell the source",
        )
    came_back = record.missing > 0
    if digest(theirs) == record.digest and not came_back:
        _seen(record, doing, entry, theirs)
        return RecordOutcome.UNCHANGED
    withdrawn_here = of.state is State.WITHDRAWN and not came_back
    if withdrawn_here:
        _seen(record, doing, entry, theirs)
        said = because("the entry was withdrawn here; the source's change is not taken over")
        _note(session, doing, entry, RecordOutcome.SKIPPED, reason=said, of=of.id)
        return RecordOutcome.SKIPPED
    if of.state is State.WITHDRAWN:
        of = publish(session, of.id, doing.caller, note="the source has it again")
    return _merged(session, doing, entry, record, of, theirs, came_back=came_back)


def _merged(  # noqa: PLR0917 - one way in
    session: Session,
    doing: Taking,
    entry: Entry,
    record: RecordRow,
    of: Resource,
    theirs: dict[str, Any],
    *,
    came_back: bool,
) -> RecordOutcome:
    merged = merge(record.remote, document(of), theirs, record.conflicts)
    if merged.changed:
        draft = replace(draft_from(merged.document), slug=of.slug)
        amend(session, of.id, draft, doing.caller, revision=of.revision, note="harvested")
    fresh = set(merged.conflicts) - set(record.conflicts)
    record.conflicts, record.kept = merged.conflicts, list(merged.kept)
    _seen(record, doing, entry, theirs)
    differences = merged.changed | {
        name: {"old": said["ours"], "new": said["theirs"]}
        for name, said in merged.conflicts.items()
    }
    if not (differences or came_back):
        return RecordOutcome.UNCHANGED
    outcome = RecordOutcome.CONFLICT if fresh else RecordOutcome.CHANGED
    reason = because("the source has it again") if came_back else None
    _note(
        session, doing, entry, outcome,
        reason=reason, of=of.id, differences=differences, kept=merged.kept,
    )  # fmt: skip
    return outcome


def _seen(record: RecordRow, doing: Taking, entry: Entry, theirs: dict[str, Any]) -> None:
    record.node = doing.node
    record.landing_page = printable(entry.landing_page)[:_LONGEST_ID]
    record.remote, record.digest, record.alike = theirs, digest(theirs), likeness(theirs)
    record.last_seen_at, record.last_run, record.missing = now(), doing.run, 0


def _still_there(session: Session, doing: Taking, remote_id: str) -> None:
    """A record that cannot be read is not missing."""
    record = session.scalar(
        select(RecordRow).where(
            RecordRow.source == doing.source.id, RecordRow.key == key_of(remote_id)
        )
    )
    if record is not None:
        record.last_run, record.last_seen_at = doing.run, now()


def _free_slug(session: Session, entry: Entry) -> str:
    slug = slug_of(entry)
    taken = session.scalar(select(ResourceRow.id).where(ResourceRow.slug == slug))
    return slug if taken is None else slug_of(entry, [slug])


def _note(
    session: Session,
    doing: Taking,
    entry: Entry,
    outcome: RecordOutcome,
    *,
    reason: Mapping[str, Any] | None = None,
    of: ResourceId | None = None,
    differences: Mapping[str, Any] | None = None,
    kept: Iterable[str] = (),
) -> None:
    title = entry.title.to("zh")
    item = _item(doing, entry.identifier, title, outcome, reason)
    item.resource, item.differences, item.kept = of, dict(differences or {}), list(kept)
    session.add(item)


def _item(
    doing: Taking,
    remote_id: str,
    title: str,
    outcome: RecordOutcome,
    reason: Mapping[str, Any] | None,
) -> ItemRow:
    return ItemRow(
        run=doing.run,
        remote_id=printable(remote_id)[:_LONGEST_ID],
        title=printable(title)[:300],
        outcome=outcome.value,
        resource=None,
        reason=None if reason is None else dict(reason),
        differences={},
        kept=[],
    )
