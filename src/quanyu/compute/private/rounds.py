"""Rounds of secure sums that this node gathers: begun, keys in, masked values in, added up.

A round that is not done in its time has failed, and says who was silent. It is begun anew: keys
serve one round, and what was sent to one that failed says nothing.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.compute.jobs import check_may_run
from quanyu.compute.private.sums import (
    KEY,
    LEAST,
    MOST_LENGTH,
    gathered,
    to_vector,
)
from quanyu.compute.private.tables import SumMemberRow, SumRoundRow
from quanyu.kernel import (
    Conflict,
    Invalid,
    NotFound,
    PartyId,
    blind,
    new_id,
    new_salt,
    now,
    owe,
    sha256_hex,
)
from quanyu.parties import Caller, party

BEGUN, DONE_LEAF = "sum.begun", "sum.done"
_MOST_DECIMALS = 9
_LONGEST = timedelta(days=7)


class RoundState(StrEnum):
    """Where a round stands. ``FAILED`` is never stored: it follows from the clock."""

    KEYS = "keys"
    MASKED = "masked"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Round:
    """A round as its participants see it. ``keys`` are those sent (X25519, Base64) by party;
    ``silent`` the parties that it waits for; ``result`` one sum for each of ``groups``."""

    id: str
    title: str
    participants: tuple[PartyId, ...]
    groups: tuple[str, ...]
    decimals: int
    state: RoundState
    created: datetime
    ends: datetime
    keys: dict[str, str]
    silent: tuple[PartyId, ...]
    result: tuple[int | float, ...] | None
    leaf: str | None


def begin_round(
    session: Session,
    caller: Caller,
    *,
    title: str,
    participants: Sequence[str],
    groups: Sequence[str],
    decimals: int,
    lasts: timedelta,
) -> Round:
    """Begin a round among parties of this node. Raises :class:`Invalid` for fewer than three of
    them or what cannot be, :class:`NotFound` for a party that there is not, and
    :class:`Refused` (rule ``compute.run``)."""
    check_may_run(caller)
    parties = tuple(dict.fromkeys(participants))
    if len(parties) < LEAST:
        raise Invalid(
            "a secure sum needs three parties at least",
            field="participants",
            mend="with two, each knows the other's value from the sum",
        )
    if not 0 < len(groups) <= MOST_LENGTH or len(set(groups)) != len(groups):
        raise Invalid("these are no groups", field="groups", mend="name each once")
    if not 0 <= decimals <= _MOST_DECIMALS:
        raise Invalid("there cannot be so many decimals", field="decimals", mend="give 0 to 9")
    if not timedelta() < lasts <= _LONGEST:
        raise Invalid("a round cannot last so long", field="seconds", mend="give a week at most")
    for one in parties:
        party(session, PartyId(one))
    at = now()
    row = SumRoundRow(
        id=new_id("sum_round"),
        party=caller.party,
        title=title.strip()[:200],
        length=len(groups),
        groups=list(groups),
        decimals=decimals,
        state=RoundState.KEYS.value,
        created=at,
        ends=at + lasts,
    )
    session.add(row)
    session.add_all(
        SumMemberRow(round=row.id, party=one, place=place) for place, one in enumerate(parties)
    )
    session.flush()
    salt = new_salt()
    owe(session, BEGUN, row.id, {"parties": [blind(one, salt) for one in parties]})
    return _round(session, row)


def round_named(session: Session, name: str, caller: Caller) -> Round:
    """The round of that id, for who began it and who takes part; raises :class:`NotFound`."""
    return _round(session, _row(session, name, caller))


def give_key(session: Session, name: str, caller: Caller, key: bytes) -> Round:
    """Take the public key of the caller's party; raises :class:`Conflict` for a second one, and
    when keys are no longer taken."""
    check_may_run(caller)
    row = _row(session, name, caller)
    mine = _mine(session, row, caller, RoundState.KEYS)
    if len(key) != KEY:
        raise Invalid("this is no key of X25519", field="key", mend="send 32 bytes in Base64")
    if mine.key is not None:
        raise Conflict("your party has sent its key", field="key", mend="begin a new round")
    mine.key = key
    session.flush()
    if all(one.key is not None for one in _members(session, name)):
        row.state = RoundState.MASKED.value
    return _round(session, row)


def give_masked(session: Session, name: str, caller: Caller, masked: bytes) -> Round:
    """Take the masked vector of the caller's party; with the last one the sum is there. Raises
    :class:`Conflict` for a second one and when none is taken."""
    check_may_run(caller)
    row = _row(session, name, caller)
    mine = _mine(session, row, caller, RoundState.MASKED)
    to_vector(masked, row.length)
    if mine.masked is not None:
        raise Conflict("your party has sent its values", field="masked", mend="begin a new round")
    mine.masked = masked
    session.flush()
    vectors = [one.masked for one in _members(session, name)]
    if None not in vectors:
        total = gathered([to_vector(one, row.length) for one in vectors if one is not None])
        row.result = total.tolist()
        row.state = RoundState.DONE.value
        digests = sorted(sha256_hex(one) for one in vectors if one is not None)
        row.leaf = owe(session, DONE_LEAF, name, {"masked": digests, "length": row.length})
        # Masks cancel in the sum alone; what is not needed any more is not kept.
        for one in _members(session, name):
            one.masked = b""
    session.flush()
    return _round(session, row)


def _row(session: Session, name: str, caller: Caller) -> SumRoundRow:
    row = session.scalar(select(SumRoundRow).where(SumRoundRow.id == name).with_for_update())
    known = row is not None and (
        row.party == caller.party
        or any(one.party == caller.party for one in _members(session, name))
    )
    if row is None or not known:
        raise NotFound("there is no secure sum {id}", id=name[:40])
    return row


def _mine(session: Session, row: SumRoundRow, caller: Caller, wanted: RoundState) -> SumMemberRow:
    found = next((o for o in _members(session, row.id) if o.party == caller.party), None)
    if found is None:
        raise NotFound("your party takes no part in this sum")
    if _state(row) is not wanted:
        raise Conflict(
            "the round does not take this now: it is at “{state}”",
            field="round",
            mend="read it again; one that failed is begun anew",
            state=_state(row).value,
        )
    return found


def _members(session: Session, name: str) -> list[SumMemberRow]:
    query = select(SumMemberRow).where(SumMemberRow.round == name).order_by(SumMemberRow.place)
    return list(session.scalars(query))


def _state(row: SumRoundRow) -> RoundState:
    state = RoundState(row.state)
    return RoundState.FAILED if state is not RoundState.DONE and now() >= row.ends else state


def _round(session: Session, row: SumRoundRow) -> Round:
    members = _members(session, row.id)
    keys_in = row.state != RoundState.KEYS.value
    silent = [one.party for one in members if (one.masked if keys_in else one.key) is None]
    return Round(
        id=row.id,
        title=row.title,
        participants=tuple(PartyId(one.party) for one in members),
        groups=tuple(row.groups),
        decimals=row.decimals,
        state=_state(row),
        created=row.created,
        ends=row.ends,
        keys={one.party: base64.b64encode(one.key).decode() for one in members if one.key},
        silent=tuple(PartyId(one) for one in silent),
        result=_result(row),
        leaf=row.leaf,
    )


def _result(row: SumRoundRow) -> tuple[int | float, ...] | None:
    """The sums; whole numbers stay whole."""
    if row.result is None:
        return None
    scale = 10**row.decimals
    return tuple(one / scale if row.decimals else one for one in row.result)
