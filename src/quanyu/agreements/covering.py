"""Agreements that are paid in advance: whether what was paid still covers another use.

Whoever keeps the money says so here; the gate reads it with the agreement, so that nothing more is
asked of the store for a decision.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from quanyu.agreements.model import AgreementState
from quanyu.agreements.rules import refused
from quanyu.agreements.tables import AgreementRow
from quanyu.kernel import batched, owe


@dataclass(frozen=True, slots=True)
class Paying:
    """An agreement as whoever keeps the money needs it: not parsed, in one light question."""

    id: str
    offer: str
    consumer: str
    running: bool


def paying(session: Session, offers: Collection[str]) -> list[Paying]:
    """Agreements that were signed on some offers; for the program itself."""
    found = []
    for some in batched(sorted(offers), 500):
        query = select(
            AgreementRow.id, AgreementRow.offer, AgreementRow.consumer, AgreementRow.state
        ).where(AgreementRow.offer.in_(some), AgreementRow.signed_at.is_not(None))
        found += [
            Paying(name, on, of, AgreementState(state) is AgreementState.ACTIVE)
            for name, on, of, state in session.execute(query)
        ]
    return found


def say_covered(session: Session, stands: Mapping[str, Collection[str] | None]) -> int:
    """Write down how each of these agreements stands: ``None`` is covered, else not, but for those
    purposes. Owes ``agreement.uncovered`` or ``agreement.covered`` where that changes; how many
    did."""
    changed = 0
    for part in batched(sorted(stands), 500):
        known = select(AgreementRow.id, AgreementRow.uncovered).where(AgreementRow.id.in_(part))
        for name, before in session.execute(known).all():
            but = stands[name]
            after = None if but is None else " ".join(sorted(but))
            if after == before:
                continue
            statement = update(AgreementRow).where(AgreementRow.id == name)
            session.execute(statement.values(uncovered=after))
            if (after is None) != (before is None):
                kind = "agreement.covered" if after is None else "agreement.uncovered"
                owe(session, kind, name, {})
                changed += 1
    return changed


def uncovered(session: Session, agreement: str) -> frozenset[str] | None:
    """``None`` while another use of an agreement is paid for; else the purposes for which it may
    be used all the same."""
    said = session.scalar(select(AgreementRow.uncovered).where(AgreementRow.id == agreement))
    return None if said is None else frozenset(said.split())


def check_covered(but: frozenset[str] | None, purpose: str | None) -> None:
    """Raise :class:`Refused`, rule ``agreement.uncovered``, when the prepaid balance is used up and
    uses for the purpose cost something."""
    if but is not None and purpose not in but:
        raise refused(
            "agreement.uncovered",
            "the prepaid balance is used up",
            "pay in advance: the agreement goes on within seconds of the deposit",
        )
