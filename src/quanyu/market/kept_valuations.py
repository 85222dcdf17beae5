"""Contributions written down: computed, kept with their transcript, committed to in the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.kernel import (
    Invalid,
    NotFound,
    PartyId,
    Refused,
    canonical,
    new_id,
    now,
    owe,
    sha256_hex,
)
from quanyu.market.contribution import Valuation, contribution, knn_game, knn_shapley
from quanyu.market.money import split
from quanyu.market.tables import ValuationRow
from quanyu.parties import Caller, Role, Scope, party

MOST_ROWS, MOST_TESTS = 200_000, 5_000


@dataclass(frozen=True, slots=True)
class KeptValuation:
    """A valuation of a party's, with its transcript and the leaf that commits to it."""

    id: str
    party: str
    at: datetime
    transcript: dict[str, Any]
    leaf: str


def value_holders(
    train: NDArray[np.float64],
    labels: NDArray[np.int64],
    test: NDArray[np.float64],
    truth: NDArray[np.int64],
    holders: Sequence[str],
    *,
    k: int = 5,
    evaluations: int = 4_000,
) -> Valuation:
    """What each holder's training rows add to a k-nearest-neighbours model of all of them.

    ``holders`` names the holder of each training row. The seed is taken from the data themselves
    (SHA-256), so that nobody chooses it. Raises :class:`Invalid` for arrays that do not fit.
    """
    _check(train, labels, test, truth, holders)
    names, owner = np.unique(np.asarray(holders), return_inverse=True)
    parts = [np.ascontiguousarray(part).tobytes() for part in (train, labels, test, truth, owner)]
    digest = sha256_hex(b"".join(parts))
    game = knn_game(train, labels, test, truth, owner, k=k)
    return contribution(
        names.tolist(),
        game,
        described=f"knn k={k} data_sha256={digest}",
        seed=int(digest[:16], 16),
        evaluations=evaluations,
    )


def value_rows(
    train: NDArray[np.float64],
    labels: NDArray[np.int64],
    test: NDArray[np.float64],
    truth: NDArray[np.int64],
    *,
    k: int = 5,
) -> NDArray[np.float64]:
    """The exact Shapley value of each training row (KNN-Shapley); see :func:`knn_shapley`."""
    _check(train, labels, test, truth, labels)
    return knn_shapley(train, labels, test, truth, k)


def keep_valuation(session: Session, caller: Caller, of: Valuation) -> KeptValuation:
    """Write a valuation down for the caller's party and owe ``contribution.valued``.

    Its holders must be parties of this node. Raises :class:`Refused` for who may not write.
    """
    able = any(caller.may(role, Scope.WRITE) for role in (Role.SUPPLIER, Role.STEWARD))
    if caller.party is None or not able:
        raise Refused(
            "only a supplier or steward of a party may keep a valuation for it",
            mend="ask your party's steward; a token needs the scope “write”",
            rule="market.valuation",
        )
    for one in of.holders:
        party(session, PartyId(one.holder))
    name, transcript = new_id("valuation"), of.transcript()
    leaf = owe(
        session,
        "contribution.valued",
        name,
        {
            "method": of.method,
            "seed": str(of.seed),
            "evaluations": of.evaluations,
            "document": sha256_hex(canonical(transcript)),
        },
    )
    row = ValuationRow(id=name, party=caller.party, at=now(), transcript=transcript, leaf=leaf)
    session.add(row)
    session.flush()
    return _kept(row)


def valuation(session: Session, caller: Caller, name: str) -> KeptValuation:
    """A valuation of the caller's party, or one that names it as a holder."""
    row = session.get(ValuationRow, name[:40]) if name.isprintable() else None
    mine = caller.party is not None and Scope.READ in caller.scopes
    if row is None or not mine or not (row.party == caller.party or _holds(row, caller.party)):
        raise NotFound("there is no valuation {id}", id=name[:40])
    return _kept(row)


def valuations(session: Session, caller: Caller, most: int = 100) -> list[KeptValuation]:
    """Valuations that the caller's party made, the latest first."""
    query = (
        select(ValuationRow)
        .where(ValuationRow.party == (caller.party or ""))
        .order_by(ValuationRow.id.desc())
        .limit(most)
    )
    return [_kept(row) for row in session.scalars(query)]


def what_if(values: Mapping[str, int], pool: int) -> dict[str, int]:
    """How a pool of 分 would be split by values (those below zero as zero), before anything is
    signed: the same rule that settling follows."""
    parts = split(pool, [max(0, value) for value in values.values()])
    return dict(zip(values, parts, strict=True))


def _check(
    train: NDArray[np.float64],
    labels: NDArray[np.int64],
    test: NDArray[np.float64],
    truth: NDArray[np.int64],
    holders: Sequence[Any] | NDArray[np.int64],
) -> None:
    fits = train.ndim == 2 and test.ndim == 2 and train.shape[1:] == test.shape[1:]
    same = len(labels) == len(holders) == len(train) and len(truth) == len(test)
    small = 0 < len(train) <= MOST_ROWS and 0 < len(test) <= MOST_TESTS
    if not (fits and same and small and np.isfinite(train).all() and np.isfinite(test).all()):
        raise Invalid(
            "training and test rows have the same finite columns, a label each, and at most "
            "{rows} and {tests} rows",
            field="data",
            mend="give numbers only, and the same columns in both",
            rows=MOST_ROWS,
            tests=MOST_TESTS,
        )


def _holds(row: ValuationRow, name: str | None) -> bool:
    return any(one["holder"] == name for one in row.transcript["values"])


def _kept(row: ValuationRow) -> KeptValuation:
    return KeptValuation(row.id, row.party, row.at, row.transcript, row.leaf)
