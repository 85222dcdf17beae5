"""The control store's part of quotas: who has taken how much, in one transaction each.

Times are microseconds of the UTC epoch.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import delete, exists, select, tuple_, update
from sqlalchemy.orm import Session

from quanyu.agreements.tables import QuotaLeaseRow, QuotaRow
from quanyu.agreements.terms import Quota
from quanyu.kernel import QuanyuError, Refused, TooMany, Unavailable

SECOND = 1_000_000
RATE_LEASE = SECOND // 10
"""Life of turns of a rate taken in advance; the rate is so much slower that no period passes it."""
_MARK_LIFE = 10 * SECOND
_SHARE = 64
Key: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Charge:
    """An amount on a quota of an agreement."""

    agreement: str
    quota: Quota
    amount: int

    @property
    def key(self) -> Key:
        """Agreement and rule: the quota's name in the control store."""
        return self.agreement, self.quota.rule


@dataclass(frozen=True, slots=True)
class Want:
    """A charge, what the worker still holds for it, and how much it may take in advance."""

    charge: Charge
    held: int
    ahead: int


def burst(quota: Quota) -> int:
    """How many requests of a rate may come at once."""
    return max(1, quota.limit // 2)


def turn(quota: Quota) -> int:
    """Microseconds after which a rate allows one more request.

    ``burst`` at once and then one a ``turn`` make at most ``limit`` in any period, even when a turn
    is used at the end of its lease's life.
    """
    period = (quota.period or 0) * SECOND + RATE_LEASE
    return math.ceil(period / (quota.limit - burst(quota) + 1))


def take(
    session: Session, worker: str, wants: Iterable[Want], moment: int
) -> dict[Key, int] | QuanyuError:
    """Take what is missing and a little in advance: what the worker holds afterwards, the charges
    paid. Or nothing is taken, and the error says why (it must be raised after the commit)."""
    wants = sorted(wants, key=lambda want: want.charge.key)
    rows = _locked(session, [want.charge.key for want in wants])
    taken: dict[Key, int] = {}
    for want in wants:
        row, quota = rows[want.charge.key], want.charge.quota
        free = _free_turns(row, quota, moment) if quota.period else quota.limit - row.used
        missing = max(0, want.charge.amount - want.held)
        if missing > free:
            if quota.period:
                return _too_fast(row, want.charge, missing, moment)
            return _used_up(session, worker, row, want, moment)
        share = RATE_LEASE // turn(quota) if quota.period else (free - missing) // _SHARE
        ahead = 0 if missing == 0 else min(want.ahead, share, free - missing)
        taken[want.charge.key] = missing + ahead
    for want in wants:
        row, amount = rows[want.charge.key], taken[want.charge.key]
        if want.charge.quota.period:
            row.due = max(row.due, moment) + amount * turn(want.charge.quota)
        else:
            row.used += amount
            if amount:
                _mark(session, worker, want.charge.key, moment)
    held = {want.charge.key: want.held - want.charge.amount for want in wants}
    return {key: held[key] + taken[key] for key in held}


def give_back(session: Session, worker: str, left: Mapping[Key, int]) -> None:
    """Return unused units; leases count as used, so this can be late but never wrong."""
    for key in sorted(left):
        agreement, rule = key
        if left[key]:
            session.execute(
                update(QuotaRow)
                .where(QuotaRow.agreement == agreement, QuotaRow.rule == rule)
                .values(used=QuotaRow.used - left[key])
            )
        session.execute(
            delete(QuotaLeaseRow).where(
                QuotaLeaseRow.worker == worker,
                QuotaLeaseRow.agreement == agreement,
                QuotaLeaseRow.rule == rule,
            )
        )


def wanted(session: Session, keys: Iterable[Key]) -> dict[Key, int]:
    """When each quota was last asked back by a worker that ran short."""
    named = tuple_(QuotaRow.agreement, QuotaRow.rule).in_(list(keys))
    rows = session.execute(
        select(QuotaRow.agreement, QuotaRow.rule, QuotaRow.wanted_at).where(named)
    )
    return {(agreement, rule): at for agreement, rule, at in rows}


def _locked(session: Session, keys: list[Key]) -> dict[Key, QuotaRow]:
    found = session.scalars(
        select(QuotaRow)
        .where(tuple_(QuotaRow.agreement, QuotaRow.rule).in_(keys))
        .order_by(QuotaRow.agreement, QuotaRow.rule)
        .with_for_update()
    )
    rows = {(row.agreement, row.rule): row for row in found}
    if len(rows) < len(set(keys)):
        raise Unavailable(
            "a quota of this agreement has no account", mend="tell the node's operator"
        )
    return rows


def _free_turns(row: QuotaRow, quota: Quota, moment: int) -> int:
    waiting = max(0, row.due - moment)
    return max(0, (burst(quota) * turn(quota) - waiting) // turn(quota))


def _too_fast(row: QuotaRow, charge: Charge, missing: int, moment: int) -> QuanyuError:
    quota = charge.quota
    over = max(row.due, moment) + (missing - burst(quota)) * turn(quota) - moment
    return TooMany(
        "the agreement allows {limit} requests in {period} seconds",
        rule=f"{charge.agreement}#{quota.rule}",
        mend="wait and ask again",
        retry_after=max(1, math.ceil(over / SECOND)),
        limit=quota.limit,
        period=quota.period,
    )


def _used_up(session: Session, worker: str, row: QuotaRow, want: Want, moment: int) -> QuanyuError:
    quota, agreement = want.charge.quota, want.charge.agreement
    rule = f"{agreement}#{quota.rule}"
    mine = (QuotaLeaseRow.agreement == agreement) & (QuotaLeaseRow.rule == quota.rule)
    session.execute(delete(QuotaLeaseRow).where(mine, QuotaLeaseRow.expires_at < moment))
    if session.scalar(select(exists().where(mine, QuotaLeaseRow.worker != worker))):
        row.wanted_at = moment
        return TooMany(
            "the rest of the agreement's {measure} is in use at this moment",
            rule=rule,
            mend="ask again in a second",
            retry_after=1,
            measure=quota.measure,
        )
    return Refused(
        "the agreement's {limit} {measure} leave {left}, and {needed} are needed",
        rule=rule,
        mend="ask for less, or request a new agreement",
        limit=quota.limit,
        measure=quota.measure,
        left=max(0, quota.limit - row.used + want.held),
        needed=want.charge.amount,
    )


def _mark(session: Session, worker: str, key: Key, moment: int) -> None:
    agreement, rule = key
    session.merge(
        QuotaLeaseRow(worker=worker, agreement=agreement, rule=rule, expires_at=moment + _MARK_LIFE)
    )
