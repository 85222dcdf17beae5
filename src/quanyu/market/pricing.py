"""The price plan of an offer: put to it before anybody asks, and never changed after.

A new price is a new offer. So whoever asks for an agreement knows its price, and the leaf of the
plan stands in the log before that of the request.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.agreements import Policy, agreements_on, close_offer, create_offer, offer
from quanyu.kernel import (
    Conflict,
    Invalid,
    LocalText,
    NotFound,
    Refused,
    canonical,
    now,
    owe,
    sha256_hex,
)
from quanyu.market.plans import FREE, PricePlan, parse_plan, plan_digest, plan_document
from quanyu.market.sharing import (
    Sharing,
    check_conditions,
    parse_sharing,
    read_sharing,
    sharing_document,
)
from quanyu.market.tables import OfferPlanRow
from quanyu.parties import Caller, Role, Scope


@dataclass(frozen=True, slots=True)
class Priced:
    """The plan of an offer. ``level`` is the service level promised with it, ``leaf`` its evidence,
    empty where the offer has none."""

    offer: str
    provider: str
    plan: PricePlan
    sharing: Sharing
    at: datetime | None = None
    leaf: str = ""
    level: LocalText | None = None


_LONGEST_LEVEL = 4_000


def price_offer(
    session: Session,
    caller: Caller,
    offer_id: str,
    plan: Mapping[str, Any],
    sharing: Mapping[str, Any] | None = None,
    *,
    level: Mapping[str, Any] | None = None,
) -> Priced:
    """Put a price plan, how its income is shared, and a service level (``zh``, ``en``) to an open
    offer of the caller's party.

    Owes ``offer.priced``. Raises :class:`Invalid` for a plan that is none, :class:`Refused`
    (``offer.provider``, ``sharing.condition``), :class:`Conflict` where the offer has another plan
    already or was asked for.
    """
    put = offer(session, offer_id)
    able = any(caller.may(role, Scope.WRITE) for role in (Role.SUPPLIER, Role.STEWARD))
    if caller.party != put.provider or not able:
        raise Refused(
            "only a supplier or steward of the provider may do this",
            mend="ask your party's steward; a token needs the scope “write”",
            rule="offer.provider",
        )
    read, shared = parse_plan(plan), parse_sharing(session, sharing or {}, put.provider)
    promised = _level(level or {})
    check_conditions(session, shared, put.resource, put.provider)
    row = session.get(OfferPlanRow, put.id)
    if row is not None:
        known = _priced(row)
        if (known.plan, known.sharing, known.level) == (read, shared, promised):
            return known
    if row is not None or not put.open or agreements_on(session, [put.id]):
        raise Conflict(
            "an offer that is priced, closed or asked for keeps its price",
            field="offer",
            mend="make a new offer with the new price, and close this one",
            rule="offer.priced",
        )
    moment = now()
    leaf = owe(
        session,
        "offer.priced",
        put.id,
        {
            "resource": put.resource,
            "plan_sha256": plan_digest(read),
            "sharing_sha256": sha256_hex(canonical(sharing_document(shared))),
        }
        | ({"level_sha256": sha256_hex(canonical(_said(promised)))} if promised else {}),
    )
    row = OfferPlanRow(
        offer=put.id,
        provider=put.provider,
        kind=read.kind.value,
        plan=plan_document(read),
        sharing=sharing_document(shared),
        level=_said(promised) or None,
        at=moment,
        leaf=leaf,
    )
    session.add(row)
    session.flush()
    return _priced(row)


def put_forward(
    session: Session,
    caller: Caller,
    resource: str,
    policy: Policy | Mapping[str, Any],
    price: Mapping[str, Any],
    *,
    replaces: str = "",
) -> Priced:
    """Make an offer with its price at once: ``price`` has ``plan`` and perhaps ``sharing`` and
    ``level``, as :func:`price_offer` takes them. The offer that it ``replaces`` is closed.

    Raises what :func:`~quanyu.agreements.create_offer` and :func:`price_offer` raise, and
    :class:`Invalid` for an offer on another resource to replace.
    """
    made = create_offer(session, caller, resource, policy)
    priced = price_offer(
        session, caller, made.id, price["plan"], price.get("sharing"), level=price.get("level")
    )
    if replaces:
        if offer(session, replaces).resource != made.resource:
            raise Invalid(
                "the offer to replace is of another resource",
                field="replaces",
                mend="replace an offer of the same resource",
            )
        close_offer(session, caller, replaces)
    return priced


def plan_of(session: Session, offer_id: str) -> Priced:
    """The plan of an offer: free where it has none. :class:`NotFound` for no offer."""
    found = plans_of(session, [offer_id]).get(offer_id)
    if found is None:
        put = offer(session, offer_id)
        return Priced(put.id, put.provider, FREE, Sharing())
    return found


def plans_of(session: Session, offers: Collection[str]) -> dict[str, Priced]:
    """Plans by offer, of those that have one."""
    names = sorted(set(offers))
    found: dict[str, Priced] = {}
    for start in range(0, len(names), 500):
        query = select(OfferPlanRow).where(OfferPlanRow.offer.in_(names[start : start + 500]))
        found |= {row.offer: _priced(row) for row in session.scalars(query)}
    return found


def price_list(session: Session) -> list[Priced]:
    """All plans of offers that are still open, the latest first: the public price list."""
    rows = session.scalars(select(OfferPlanRow).order_by(OfferPlanRow.offer.desc()).limit(1_000))
    found = []
    for row in rows:
        try:
            if offer(session, row.offer).open:
                found.append(_priced(row))
        except NotFound:
            continue  # its resource was erased
    return found


def _priced(row: OfferPlanRow) -> Priced:
    return Priced(
        offer=row.offer,
        provider=row.provider,
        plan=parse_plan(row.plan),
        sharing=read_sharing(row.sharing),
        at=row.at,
        leaf=row.leaf,
        level=_level(row.level or {}),
    )


def _level(said: Mapping[str, Any]) -> LocalText | None:
    texts = [said.get(name, "") for name in ("zh", "en")]
    fit = all(isinstance(one, str) and len(one) <= _LONGEST_LEVEL for one in texts)
    if not fit or not said.keys() <= {"zh", "en"}:
        raise Invalid(
            "a service level is a text in Chinese (zh) and English (en)",
            field="level",
            mend="write at most {most} characters each",
            most=_LONGEST_LEVEL,
        )
    zh, en = (one.strip() for one in texts)
    return LocalText(zh=zh, en=en) if zh or en else None


def _said(level: LocalText | None) -> dict[str, str]:
    return {} if level is None else {"zh": level.zh, "en": level.en}
