"""Metering: every use under an agreement, once, however often and however late it is told of.

Uses that this node answered are read from its log, in order; the place reached is written in the
same transaction as the uses. Uses that a provider answered elsewhere are reported by it, each under
an id of its own: the same id and content is taken once, another content is a :class:`Conflict`. No
id is claimed before its use is written.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from quanyu.agreements import Agreement, agreements_named
from quanyu.evidence import Log, leaf_hash
from quanyu.kernel import (
    Conflict,
    ControlStore,
    Invalid,
    flat_canonical,
    iso,
    now,
    owe_many,
)
from quanyu.market.meter_row import locked, take_numbers
from quanyu.market.plans import FREE_PURPOSES, Quantity
from quanyu.market.tables import MeteredRow
from quanyu.parties import Caller, Role, Scope

USES = "uses"
BATCH = 20_000
MOST_REPORTED = 1_000
_MINUTES_AHEAD = timedelta(minutes=5)
_QUARTER = 900


@dataclass(frozen=True, slots=True)
class Reported:
    """A use that a provider answered elsewhere. ``id`` is the provider's own, of at most 64
    characters; ``at`` may be long ago: the use is then back-filled into its own period."""

    id: str
    agreement: str
    at: datetime
    rows: int = 0
    bytes: int = 0
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Metered:
    """What became of reported uses: how many are new, and how many were there already."""

    fresh: int
    known: int


def period_of(moment: datetime, zone: str) -> str:
    """The calendar month of an instant in the node's time zone: ``2026-11``."""
    return _period(int(moment.timestamp()) // _QUARTER, zone)


@lru_cache(maxsize=4096)
def _period(quarter: int, zone: str) -> str:
    """Of a quarter of an hour: all offsets of time zones are whole ones."""
    moment = datetime.fromtimestamp(quarter * _QUARTER, ZoneInfo(zone))
    return f"{moment:%Y-%m}"


def bounds(period: str, zone: str) -> tuple[datetime, datetime]:
    """When a period begins and the next one does; raises :class:`Invalid` for what is none."""
    try:
        start = datetime.strptime(period, "%Y-%m").replace(tzinfo=ZoneInfo(zone))
    except ValueError as error:
        raise Invalid(
            "“{period}” is no period",
            field="period",
            mend="give a month such as 2026-11",
            period=period[:20],
        ) from error
    if f"{start:%Y-%m}" != period:
        raise Invalid("a period is written as 2026-11", field="period")
    following = (start.replace(day=28) + timedelta(days=4)).replace(day=1)
    return start, following


def meter_log(control: ControlStore, log: Log, zone: str, most: int = 50 * BATCH) -> int:
    """Meter what the log has grown by; returns how many uses are new."""
    counter, fresh = f"log:{log.origin}"[:200], 0
    for _ in range(-(-most // BATCH)):
        with control.begin() as session:
            row = locked(session, counter)
            end = min(log.size, row.reached + BATCH)
            if end == row.reached:
                break
            rows = [
                found
                for leaf in log.leaves(row.reached, end)
                if (found := _from_leaf(leaf, zone)) is not None
            ]
            fresh += _write(session, rows)
            row.reached = end
    return fresh


def report_uses(session: Session, caller: Caller, uses: Sequence[Reported], zone: str) -> Metered:
    """Take uses that the caller's party answered elsewhere under its own agreements, all or none.

    Each owes the log a leaf. Raises :class:`Invalid` naming the use that is wrong,
    :class:`Conflict` for an id that was reported with another content.
    """
    if not 0 < len(uses) <= MOST_REPORTED:
        raise Invalid("a report has 1 to {most} uses", field="uses", most=MOST_REPORTED)
    locked(session, USES)
    asked = {use.agreement for use in uses}
    agreed: dict[str, Agreement] = {one.id: one for one in agreements_named(session, asked)}
    moment = now()
    prepared: dict[str, tuple[Reported, bytes]] = {}
    for place, use in enumerate(uses):
        _check_reported(use, f"uses[{place}]", caller, agreed.get(use.agreement), moment)
        key, payload = _key(use), _payload(use)
        if prepared.get(key, (use, payload))[1] != payload:
            raise _differs(use.id, place)
        prepared[key] = use, payload
    known = _payloads(session, list(prepared))
    for place, use in enumerate(uses):
        if known.get(_key(use), _payload(use)) != _payload(use):
            raise _differs(use.id, place)
    fresh = {key: one for key, one in prepared.items() if key not in known}
    if not fresh:
        return Metered(0, len(known))
    bodies = [_reported_body(key, use, agreed[use.agreement]) for key, (use, _) in fresh.items()]
    leaves = owe_many(session, "use.reported", bodies)
    rows = [
        {
            "id": key,
            "agreement": use.agreement,
            "period": period_of(use.at, zone),
            "free": use.purpose in FREE_PURPOSES,
            "rows": use.rows,
            "bytes": use.bytes,
            "digest": leaf_hash(body),
            "payload": payload,
            "leaf": leaf,
        }
        for (key, (use, payload)), (leaf, body) in zip(fresh.items(), leaves, strict=True)
    ]
    _write(session, rows)
    return Metered(len(fresh), len(known))


def usage(session: Session, agreement: str, period: str) -> tuple[Quantity, Quantity]:
    """What was used under an agreement in a period: all, and the part for a free purpose."""
    query = (
        select(
            MeteredRow.free,
            func.count(),
            func.sum(MeteredRow.rows),
            func.sum(MeteredRow.bytes),
        )
        .where(MeteredRow.agreement == agreement, MeteredRow.period == period)
        .group_by(MeteredRow.free)
    )
    whole, free = Quantity(), Quantity()
    for is_free, uses, rows, size in session.execute(query):
        part = Quantity(uses, int(rows), int(size))
        whole += part
        free += part if is_free else Quantity()
    return whole, free


def _from_leaf(leaf: bytes, zone: str) -> dict[str, Any] | None:
    """The row of a use by its leaf; ``None`` for other leaves, and uses of open data."""
    said = orjson.loads(leaf)
    if said.get("kind") != "used" or not said["agreement"].startswith("agr_"):
        return None
    return {
        "id": said["id"],
        "agreement": said["agreement"],
        "period": period_of(datetime.fromisoformat(said["at"]), zone),
        "free": said.get("purpose") in FREE_PURPOSES,
        "rows": said["rows"],
        "bytes": said["bytes"],
        "digest": leaf_hash(leaf),
        "payload": b"",
        "leaf": said["id"],
    }


def _write(session: Session, rows: list[dict[str, Any]]) -> int:
    """Write uses that are not there yet, numbered in order.

    What is inserted goes to the driver as it is: nothing of it needs converting.
    """
    if not rows:
        return 0
    before = take_numbers(session, USES, len(rows))
    for place, row in enumerate(rows, before + 1):
        row["number"] = place
    connection = session.connection()
    statement = insert(MeteredRow).compile(dialect=connection.dialect)
    values: Any = rows
    if statement.positional:
        names = statement.positiontup or ()
        values = [tuple(row[name] for name in names) for row in rows]
    connection.exec_driver_sql(str(statement), values)
    return len(rows)


def _payloads(session: Session, names: list[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for start in range(0, len(names), 5_000):
        part = names[start : start + 5_000]
        query = select(MeteredRow.id, MeteredRow.payload).where(MeteredRow.id.in_(part))
        found |= {name: bytes(payload) for name, payload in session.execute(query)}
    return found


def _check_reported(
    use: Reported, where: str, caller: Caller, of: Agreement | None, moment: datetime
) -> None:
    able = any(caller.may(role, Scope.WRITE) for role in (Role.SUPPLIER, Role.STEWARD))
    if of is None or caller.party is None or of.provider != caller.party or not able:
        raise Invalid(
            "there is no agreement {id} under which your party provides",
            field=f"{where}.agreement",
            mend="report uses of your own agreements; a token needs the scope “write”",
            id=use.agreement[:80],
        )
    if not (0 < len(use.id) <= 64 and use.id.isascii() and use.id.isprintable()):
        raise Invalid("an id has 1 to 64 printable ASCII characters", field=f"{where}.id")
    if use.at.tzinfo is None or use.at > moment + _MINUTES_AHEAD:
        raise Invalid(
            "a use is reported with its instant and offset, not before it happened",
            field=f"{where}.at",
        )
    if of.signed_at is None or use.at < of.signed_at:
        raise Invalid(
            "the agreement was not in force yet",
            field=f"{where}.at",
            mend="report uses from its signature on",
        )
    if min(use.rows, use.bytes) < 0 or max(use.rows, use.bytes) >= 1 << 53:
        raise Invalid("rows and bytes are not negative", field=f"{where}.rows")
    if len(use.purpose) > 64 or not use.purpose.isprintable():
        raise Invalid("a purpose has at most 64 characters", field=f"{where}.purpose")


def _key(use: Reported) -> str:
    said = flat_canonical({"agreement": use.agreement, "id": use.id})
    return f"rep_{hashlib.sha256(said).hexdigest()[:32]}"


def _payload(use: Reported) -> bytes:
    said = {
        "id": use.id,
        "agreement": use.agreement,
        "at": iso(use.at),
        "rows": use.rows,
        "bytes": use.bytes,
        "purpose": use.purpose,
    }
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()


def _reported_body(key: str, use: Reported, of: Agreement) -> tuple[str, dict[str, Any]]:
    body: dict[str, Any] = {
        "use": key,
        "agreement": use.agreement,
        "used_at": iso(use.at),
        "rows": use.rows,
        "bytes": use.bytes,
    }
    if use.purpose:
        body["purpose"] = use.purpose
    return of.resource, body


def _differs(name: str, place: int) -> Conflict:
    return Conflict(
        "the use {id} was reported before, with another content",
        field=f"uses[{place}].id",
        mend="a use is never changed: report another one under a new id",
        rule="meter.idempotent",
        id=name,
    )
