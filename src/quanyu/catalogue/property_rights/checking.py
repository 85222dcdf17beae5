"""What may be asked for: rights that are well said, changes that break no condition."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from quanyu.catalogue.model import Interval, ResourceDraft
from quanyu.catalogue.property_rights.model import (
    WHOLE_SHARE,
    Beneath,
    Conditions,
    Held,
    Origin,
    Proof,
    Right,
    RightKind,
)
from quanyu.catalogue.property_rights.rows import plain
from quanyu.catalogue.rules import refused
from quanyu.catalogue.validate import check_line, check_text
from quanyu.kernel import Invalid, NotFound, PartyId, Refused
from quanyu.parties import party

MOST_RIGHTS, MOST_PROOFS = 50, 20
_LONGEST = 500
_OWN = frozenset({Origin.PRODUCED, Origin.COLLECTED, Origin.DERIVED})
"""Origins that bind the holder to nobody: such a holder may loosen its own conditions."""


def check_rights(session: Session, rights: Sequence[Right]) -> tuple[Right, ...]:
    """The rights with blanks cut; raises :class:`Invalid` at the first fault, on ``rights.…``."""
    if len(rights) > MOST_RIGHTS:
        raise Invalid("at most {most} are allowed here", field="rights", most=MOST_RIGHTS)
    said: set[tuple[RightKind, PartyId]] = set()
    checked = []
    for place, right in enumerate(rights):
        field = f"rights.{place}"
        if (right.kind, right.holder) in said:
            raise Invalid(
                "the same right of the same party is there twice",
                field=f"{field}.holder",
                mend="say it once, with all that belongs to it",
            )
        said.add((right.kind, right.holder))
        checked.append(_check_right(session, right, field))
    return tuple(checked)


def check_change(
    before: Sequence[Held], after: Sequence[Right], of: ResourceDraft, party_id: PartyId | None
) -> None:
    """Raise :class:`Refused` when the party may not turn ``before`` into ``after``.

    ``before`` is what :func:`rights_on` gives. Rules: ``rights.holder``, ``rights.transfer``,
    ``rights.conditions``, ``rights.term``, ``rights.proof``.
    """
    kept = {(right.kind, right.holder): right for right in after}
    had = {(right.kind, right.holder): right for right in before if right.registered}
    for right in after:
        if right.holder != of.provider and not (right.proofs and right.basis):
            raise refused(
                "rights.proof",
                "a right of another party than the provider needs its basis and a document",
                "name the contract or decision and add the document",
                field="rights",
            )
    for key, right in had.items():
        found = kept.get(key)
        if found == plain(right):
            continue
        if party_id != right.holder:
            raise _not_the_holder()
        if found is not None and right.origin not in _OWN:
            _check_bound(right, found)
    for kind in RightKind:
        came = [r for r in after if r.kind is kind and (r.kind, r.holder) not in had]
        if came:
            _check_given([right for right in before if right.kind is kind], came, party_id)


def check_beneath(beneath: Iterable[Beneath], after: Sequence[Right], of: ResourceDraft) -> None:
    """Raise :class:`Refused` when rights on what was made do not agree with what lies beneath.

    Only what is registered beneath binds; unregistered sources are the reviewer's to judge. Rules:
    ``rights.derive``, ``rights.term``, ``rights.attribution``, ``rights.share``.
    """
    due = max((right.conditions.share for right in after), default=0)
    for source in beneath:
        registered = [right for right in source.rights if right.registered]
        due += max((right.conditions.share for right in registered), default=0)
        for right in registered:
            _check_source(source, right, after, of)
    if due > WHOLE_SHARE:
        raise refused(
            "rights.share",
            "the shares due here and beneath come to more than the whole income",
            "ask for a smaller share",
            field="rights",
        )


def _check_source(source: Beneath, right: Held, after: Sequence[Right], of: ResourceDraft) -> None:
    processes = [r for r in source.rights if r.kind is RightKind.PROCESSING]
    mine = [r for r in processes if r.holder in {of.provider, *(a.holder for a in after)}]
    if not right.conditions.derivable and not (mine or source.provider == of.provider):
        raise refused(
            "rights.derive",
            "nothing may be made out of “{slug}” without its processing-and-use right",
            "get that right first, or leave the source out",
            field="lineage",
            slug=source.slug,
        )
    ends = [r.term[1] for r in mine if r.registered]
    if ends and None not in ends:
        latest = max(end for end in ends if end is not None)
        if any(a.term[1] is None or a.term[1] > latest for a in after):
            raise refused(
                "rights.term",
                "the right to process “{slug}” ends on {day}: what rests on it ends then too",
                "give an end that is no later",
                field="rights",
                slug=source.slug,
                day=f"{latest:%Y-%m-%d}",
            )
    named = right.conditions.attribution
    if named and not all(named in a.conditions.attribution for a in after):
        raise refused(
            "rights.attribution",
            "“{named}” is to be named, because “{slug}” lies beneath",
            "add it to the attribution of each right",
            field="rights",
            named=named,
            slug=source.slug,
        )


def _check_given(given: Sequence[Held], came: Sequence[Right], party_id: PartyId | None) -> None:
    """Rights of one kind that go to somebody who did not have them in the register."""
    mine = next((right for right in given if right.holder == party_id), None)
    if mine is None:
        raise _not_the_holder()
    for right in came:
        if right.holder == party_id:
            continue
        if mine.registered and not mine.conditions.transferable:
            raise refused(
                "rights.transfer",
                "this right does not go to another party",
                "it is registered as not transferable",
                field="rights",
            )
        if mine.registered:
            _check_bound(mine, right)


def _check_bound(old: Right, new: Right) -> None:
    """A right that comes from another one is bound as that is, and lasts no longer."""
    a, b = old.conditions, new.conditions
    loosened = (
        (b.transferable and not a.transferable)
        or (b.derivable and not a.derivable)
        or a.attribution not in b.attribution
        or b.share < a.share
    )
    if loosened:
        raise refused(
            "rights.conditions",
            "the conditions that came with the right would be loosened",
            "keep them, or make them stricter",
            field="rights",
        )
    if not _within(new.term, old.term):
        raise refused(
            "rights.term",
            "the right would last longer than the one that it comes from",
            "keep within its term",
            field="rights",
        )


def _within(inner: Interval, outer: Interval) -> bool:
    begins = outer[0] is None or (inner[0] is not None and inner[0] >= outer[0])
    return begins and (outer[1] is None or (inner[1] is not None and inner[1] <= outer[1]))


def _check_right(session: Session, right: Right, field: str) -> Right:
    try:
        party(session, right.holder)
    except NotFound as error:
        raise Invalid(
            "there is no party {id}",
            field=f"{field}.holder",
            mend="name a registered party by its id",
            id=right.holder[:80],
        ) from error
    since, until = right.term
    if since is not None and until is not None and until <= since:
        raise Invalid("a term ends after it begins", field=f"{field}.term", mend="give a later end")
    if not 0 <= right.conditions.share <= WHOLE_SHARE:
        raise Invalid(
            "a share is from 0 to 100 per cent", field=f"{field}.share", mend="give such a share"
        )
    if len(right.proofs) > MOST_PROOFS:
        raise Invalid("at most {most} are allowed here", field=f"{field}.proofs", most=MOST_PROOFS)
    return replace(
        plain(right),
        scope=right.scope and check_text(right.scope, f"{field}.scope", _LONGEST),
        basis=check_line(right.basis, f"{field}.basis", _LONGEST),
        conditions=_check_conditions(right.conditions, field),
        proofs=tuple(_check_proof(proof, field) for proof in right.proofs),
    )


def _check_conditions(conditions: Conditions, field: str) -> Conditions:
    return replace(
        conditions,
        attribution=check_line(conditions.attribution, f"{field}.attribution", _LONGEST),
    )


def _check_proof(proof: Proof, field: str) -> Proof:
    if not re.fullmatch(r"[0-9a-f]{64}", proof.sha256) or proof.bytes < 0:
        raise Invalid(
            "a document is named with its SHA-256 and its length",
            field=f"{field}.proofs",
            mend="give 64 hexadecimal digits, or upload the file",
        )
    return replace(proof, name=check_line(proof.name, f"{field}.proofs", 200))


def _not_the_holder() -> Refused:
    return refused(
        "rights.holder",
        "only the holder of a right changes it, gives it away or gives it up",
        "let its holder apply",
        field="rights",
    )
