"""Limits on failed sign-ins, kept in the control store so that all workers agree.

An attempt is counted as failed before the password is tried and taken back when it was right:
so many attempts at the same time cannot slip past the limit.
"""

import ipaddress
import math
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import case, delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from quanyu.kernel import TooMany, now, sha256_hex
from quanyu.parties.tables import AttemptRow


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``failures`` within ``window``, counted from the first of them."""

    failures: int
    window: timedelta


PER_LOGIN = Limit(5, timedelta(minutes=15))
PER_ADDRESS = Limit(30, timedelta(minutes=1))
BY_LINK = Limit(20, timedelta(minutes=10))
"""Invitations tried and single sign-ons begun from one network address."""


def login_key(login: str) -> str:
    """The key of a login, known or not; hashed, for people type passwords into the wrong field."""
    return "login:" + sha256_hex(login.encode("utf-8", "surrogatepass"))


def address_key(address: str, what: str = "address") -> str:
    """The key of a network address for one kind of attempt.

    An IPv6 customer owns a /64, so that is one address here.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        network = address
    else:
        mapped = ip.ipv4_mapped if ip.version == 6 else None
        bits = 64 if ip.version == 6 and mapped is None else 32
        network = str(ipaddress.ip_network((mapped or ip, bits), strict=False))
    return f"{what}:" + sha256_hex(network.encode())


def reserve(session: Session, key: str, limit: Limit) -> int:
    """Count one failure; how many there are now within the window.

    Raises :class:`TooMany` with the seconds to wait when over the limit.
    """
    moment = now()
    stale = AttemptRow.since <= moment - limit.window
    upsert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = (
        upsert(AttemptRow)
        .values(key=key, failures=1, since=moment)
        .on_conflict_do_update(
            index_elements=[AttemptRow.key],
            set_={
                "failures": case((stale, 1), else_=AttemptRow.failures + 1),
                "since": case((stale, moment), else_=AttemptRow.since),
            },
        )
        .returning(AttemptRow.failures, AttemptRow.since)
    )
    failures, since = session.execute(statement).one()
    if failures > limit.failures:
        raise TooMany(
            "too many failed attempts; try again in {seconds} seconds",
            rule="parties.sign-in",
            seconds=(wait := _seconds(since + limit.window - moment)),
            retry_after=wait,
        )
    return int(failures)


def forgive(session: Session, key: str) -> None:
    """Take one counted failure back."""
    session.execute(
        update(AttemptRow)
        .where(AttemptRow.key == key, AttemptRow.failures > 0)
        .values(failures=AttemptRow.failures - 1)
    )


def forget(session: Session, key: str) -> None:
    """Take all counted failures back, and clear away what is older than a day."""
    old = AttemptRow.since < now() - timedelta(days=1)
    session.execute(delete(AttemptRow).where((AttemptRow.key == key) | old))


def _seconds(wait: timedelta) -> int:
    return max(1, math.ceil(wait.total_seconds()))
