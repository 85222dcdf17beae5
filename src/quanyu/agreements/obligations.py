"""What is owed under an agreement: due dates, reminders, confirmations, and what is overdue.

Duties to delete or to inform are kept from the signing on. One to delete without a date of its own
is due when the agreement is over. The consumer is reminded a week before, both sides are told when
the day has passed, and again each week until the consumer confirms, with what shows it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from quanyu.agreements.compiling import Owed
from quanyu.agreements.listing import agreement, no_agreement
from quanyu.agreements.rules import refused
from quanyu.agreements.tables import AgreementRow, ObligationRow
from quanyu.agreements.vocabulary import DELETE, INFORM
from quanyu.catalogue import resource
from quanyu.kernel import (
    AgreementId,
    Conflict,
    ControlStore,
    Invalid,
    LocalText,
    MemberId,
    PartyId,
    blind,
    now,
    owe,
    sha256_hex,
)
from quanyu.parties import Caller, Role, Scope, notify, party

BEFORE = timedelta(days=7)
"""How long before the day a reminder goes out, and how often what is overdue is chased."""
KEPT = frozenset({DELETE, INFORM})
_LONGEST = 4000
_AT_ONCE = 500
_CONSUMER = frozenset({Role.CONSUMER, Role.STEWARD})
_PROVIDER = frozenset({Role.SUPPLIER, Role.STEWARD})
REMINDERS: dict[str, str] = {
    DELETE: "the data of {title} are to be deleted by {due}: confirm it on the agreement's page",
    INFORM: "{title}: the provider is to be informed by {due}: confirm it on the agreement's page",
}
OVERDUE: dict[str, str] = {
    DELETE: "{party} was to delete the data of {title} by {due} and has not confirmed it",
    INFORM: "{party} was to inform the provider of {title} by {due} and has not confirmed it",
}


@dataclass(frozen=True, slots=True)
class Obligation:
    """Something owed: ``due`` may not be known yet; ``evidence`` is what the consumer says shows
    that it was done."""

    agreement: AgreementId
    rule: str
    action: str
    due: datetime | None
    confirmed_at: datetime | None
    confirmed_by: MemberId | None
    evidence: str

    def overdue_at(self, moment: datetime) -> bool:
        """Whether the day has passed and nothing was confirmed."""
        return self.confirmed_at is None and self.due is not None and moment > self.due


def keep(session: Session, row: AgreementRow, owed: Iterable[Owed], moment: datetime) -> None:
    """Keep what is owed from the signing of an agreement on."""
    for one in owed:
        if one.action not in KEPT:
            continue
        due = one.due or (row.expires_at if one.action == DELETE else None)
        session.add(
            ObligationRow(
                agreement=row.id,
                rule=one.rule,
                action=one.action,
                due=due,
                next_at=None if due is None else max(moment, due - BEFORE),
                evidence="",
            )
        )
    session.flush()


def over(session: Session, agreement_id: str, moment: datetime) -> None:
    """The agreement has ended: what is to be deleted is due now, unless it was due before."""
    session.execute(
        update(ObligationRow)
        .where(
            ObligationRow.agreement == agreement_id,
            ObligationRow.action == DELETE,
            ObligationRow.confirmed_at.is_(None),
            or_(ObligationRow.due.is_(None), ObligationRow.due > moment),
        )
        .values(due=moment, next_at=moment)
    )


def obligations_of(session: Session, caller: Caller, agreement_id: str) -> list[Obligation]:
    """What is owed under an agreement that the caller may read, by its rules."""
    agreement(session, caller, agreement_id)
    rows = session.scalars(
        select(ObligationRow)
        .where(ObligationRow.agreement == agreement_id)
        .order_by(ObligationRow.rule)
    )
    return [_obligation(row) for row in rows]


def confirm_obligation(
    session: Session, caller: Caller, agreement_id: str, rule: str, *, evidence: str
) -> Obligation:
    """The consumer says that it has done what it owed, and what shows it.

    Raises :class:`Refused` for anybody else, :class:`Conflict` when it was confirmed before, and
    :class:`Invalid` without evidence.
    """
    of = agreement(session, caller, agreement_id)
    if caller.party != of.consumer or not any(caller.may(r, Scope.WRITE) for r in _CONSUMER):
        raise refused(
            "agreement.side",
            "only a consumer or steward of the party that owes it confirms it",
            "ask your party's steward; a token needs the scope “write”",
        )
    said = evidence.strip()
    if not 0 < len(said) <= _LONGEST:
        raise Invalid(
            "a text of 1 to {longest} characters is needed here",
            field="evidence",
            mend="say what was done, when, by whom, and where its record is",
            longest=_LONGEST,
        )
    row = session.get(ObligationRow, (agreement_id, rule), with_for_update=True)
    if row is None:
        raise no_agreement(rule)
    if row.confirmed_at is not None:
        raise Conflict("this was confirmed before", field="rule", mend="read the page again")
    row.confirmed_at, row.confirmed_by, row.evidence = now(), caller.member, said
    row.next_at = None
    session.flush()
    signed = session.get_one(AgreementRow, agreement_id)
    owe(
        session,
        "agreement.fulfilled",
        agreement_id,
        {
            "rule": rule,
            "consumer": blind(signed.consumer, signed.salt),
            "evidence_sha256": sha256_hex(said.encode()),
        },
    )
    notify(
        session,
        to=PartyId(signed.provider),
        topic="agreement",
        message="{party} confirms what it owed under the agreement on {title}",
        params=_names(session, signed),
        link=f"/agreements/{agreement_id}",
        roles=_PROVIDER,
        key=f"{agreement_id}.{rule}.fulfilled",
    )
    return _obligation(row)


def chase_obligations(control: ControlStore) -> int:
    """Send the reminders and the notices of what is overdue; how many obligations were told of."""
    moment = now()
    with control.begin() as session:
        rows = session.scalars(
            select(ObligationRow)
            .where(ObligationRow.next_at <= moment, ObligationRow.confirmed_at.is_(None))
            .order_by(ObligationRow.next_at)
            .limit(_AT_ONCE)
            .with_for_update()
        ).all()
        for row in rows:
            _tell(session, row, moment)
    return len(rows)


def _tell(session: Session, row: ObligationRow, moment: datetime) -> None:
    signed = session.get_one(AgreementRow, row.agreement)
    due = row.due or moment
    late = moment >= due
    row.next_at = moment + BEFORE if late else due
    to = [(signed.consumer, _CONSUMER)] + ([(signed.provider, _PROVIDER)] if late else [])
    for party_id, roles in to:
        notify(
            session,
            to=PartyId(party_id),
            topic="agreement",
            message=(OVERDUE if late else REMINDERS)[row.action],
            params=_names(session, signed) | {"due": due.date().isoformat()},
            link=f"/agreements/{row.agreement}",
            roles=roles,
            key=f"{row.agreement}.{row.rule}.{row.next_at.isoformat()}",
        )


def _names(session: Session, row: AgreementRow) -> dict[str, str | int | LocalText | datetime]:
    return {
        "party": party(session, PartyId(row.consumer)).name,
        "title": resource(session, row.resource).title,
    }


def _obligation(row: ObligationRow) -> Obligation:
    return Obligation(
        agreement=AgreementId(row.agreement),
        rule=row.rule,
        action=row.action,
        due=row.due,
        confirmed_at=row.confirmed_at,
        confirmed_by=None if row.confirmed_by is None else MemberId(row.confirmed_by),
        evidence=row.evidence,
    )
