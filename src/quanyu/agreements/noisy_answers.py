"""The ledger of answers with noise: each is drawn once, paid for once, and the same ever after.

Losses add up (basic composition: Dwork and Roth, “The Algorithmic Foundations of Differential
Privacy”, theorem 3.16), so that the sum of what was spent bounds what all answers tell together.
Answer and payment are one transaction: no crash and no race of workers can pay twice, or answer
without having paid.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.agreements.leases import SECOND, Charge, Want, take
from quanyu.agreements.tables import NoisyAnswerRow, QuotaRow
from quanyu.kernel import ControlStore, QuanyuError, sha256_hex

EPSILON = "epsilon"
"""Measure of quotas that are privacy budgets, in millionths."""


def answer_once(
    control: ControlStore,
    charges: Sequence[Charge],
    question: str,
    make: Callable[[], bytes],
    moment: datetime,
) -> bytes:
    """The answer to ``question`` under the agreement of ``charges``; ``make`` draws it if need be.

    Raises :class:`~quanyu.kernel.Refused` with the quota's rule when the budget does not suffice;
    then nothing is told. Noise that is drawn in vain, as another worker was faster, is forgotten.
    """
    agreement = charges[0].agreement
    digest = sha256_hex(question.encode())
    with control.read() as session:
        found = _known(session, agreement, digest)
    if found is not None:
        return found
    made = make()
    with control.begin() as session:
        # Who comes second waits here, and finds the answer of who came first.
        session.execute(
            select(QuotaRow.rule).where(QuotaRow.agreement == agreement).with_for_update()
        ).all()
        found = _known(session, agreement, digest)
        if found is not None:
            return found
        wants = [Want(charge, held=0, ahead=0) for charge in charges]
        paid = take(session, "", wants, int(moment.timestamp() * SECOND))
        if not isinstance(paid, QuanyuError):
            session.add(
                NoisyAnswerRow(
                    agreement=agreement,
                    question=digest,
                    at=moment,
                    loss=charges[0].amount,
                    answer=made,
                )
            )
    if isinstance(paid, QuanyuError):
        raise paid
    return made


def _known(session: Session, agreement: str, digest: str) -> bytes | None:
    row = session.get(NoisyAnswerRow, (agreement, digest))
    return None if row is None else row.answer
