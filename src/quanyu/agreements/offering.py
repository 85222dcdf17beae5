"""Offers: a provider puts a policy forward for one of its published resources."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from quanyu.agreements.compiling import Terms, compile_policy
from quanyu.agreements.documents import policy_bytes
from quanyu.agreements.jsonld import parse_policy
from quanyu.agreements.model import Offer
from quanyu.agreements.policy import Policy, PolicyType
from quanyu.agreements.rules import refused
from quanyu.agreements.tables import OfferRow
from quanyu.agreements.vocabulary import is_id, short
from quanyu.agreements.withholding import check_well
from quanyu.catalogue import (
    Access,
    Grade,
    Kind,
    Resource,
    RightKind,
    State,
    confirmed_levels,
    resource,
    rights_on,
)
from quanyu.kernel import (
    Conflict,
    Invalid,
    NotFound,
    OfferId,
    PartyId,
    Refused,
    ResourceId,
    batched,
    blind,
    new_id,
    new_salt,
    now,
    owe,
    sha256_hex,
)
from quanyu.parties import Caller, Role, Scope, node_party
from quanyu.spacetime import FID, GEOMETRY, Mask
from quanyu.streams import STREAM_FIELDS


def urn(identifier: str) -> str:
    """The IRI of something of this node in policies."""
    return f"urn:quanyu:{identifier}"


def create_offer(
    session: Session, caller: Caller, resource_id: str, policy: Policy | Mapping[str, Any]
) -> Offer:
    """Put ``policy`` forward for a published resource, and owe ``offer.created``.

    Its provider does, or a party that has registered the right to operate products of it or is
    authorised to. Target and assigner are filled in. Raises :class:`Invalid` for a policy that is
    not wholly understood, :class:`Refused` (``offer.provider``, ``resource.closed``,
    ``resource.core``, ``resource.sick``, ``resource.unconfirmed``), :class:`NotFound`,
    :class:`Conflict` when the resource is not published.
    """
    found = resource(session, resource_id, visible_to=caller)
    provider = offering_party(session, caller, found)
    stated = policy if isinstance(policy, Policy) else parse_policy(policy)
    _check_offerable(session, found, stated)
    identifier = OfferId(new_id("offer"))
    whole = _filled(stated, identifier, found, provider)
    terms = compile_policy(whole)
    _check_columns(terms.columns, found)
    if found.kind is Kind.STREAM:
        _check_stream(terms)
    data = policy_bytes(whole)
    row = OfferRow(
        id=identifier,
        resource=found.id,
        provider=provider,
        policy=data.decode(),
        digest=sha256_hex(data),
        open=True,
        revision=1,
        created_at=now(),
        salt=new_salt(),
    )
    session.add(row)
    session.flush()
    _owe(session, row, "offer.created")
    return to_offer(row)


def close_offer(
    session: Session, caller: Caller, offer_id: str, *, revision: int | None = None
) -> Offer:
    """Take an offer back: it takes no requests any more, agreements made from it stay."""
    row = offer_row(session, offer_id)
    _check_provider(caller, PartyId(row.provider))
    changed = session.scalars(
        update(OfferRow)
        .where(OfferRow.id == row.id, OfferRow.open.is_(True))
        .where(OfferRow.revision == (row.revision if revision is None else revision))
        .values(open=False, revision=OfferRow.revision + 1)
        .returning(OfferRow.id)
    ).one_or_none()
    if changed is None:
        raise Conflict("the offer has changed meanwhile", field="revision", mend="read it again")
    session.refresh(row)
    _owe(session, row, "offer.closed")
    return to_offer(row)


def offer(session: Session, offer_id: str) -> Offer:
    """An offer by its id; :class:`NotFound` when there is none."""
    return to_offer(offer_row(session, offer_id))


def offers(session: Session, resource_id: str, *, closed: bool = False) -> list[Offer]:
    """Offers for a resource, latest first; ``closed`` ones too when asked."""
    if not is_id(resource_id):
        return []
    query = select(OfferRow).where(OfferRow.resource == resource_id).order_by(OfferRow.id.desc())
    if not closed:
        query = query.where(OfferRow.open.is_(True))
    return [to_offer(row) for row in session.scalars(query)]


def offers_by(
    session: Session, party: PartyId, *, after: str | None = None, limit: int = 50
) -> tuple[list[Offer], str | None]:
    """Offers that a party put forward, closed ones too, latest first, and the next page's token."""
    query = select(OfferRow).where(OfferRow.provider == party).order_by(OfferRow.id.desc())
    if after is not None and is_id(after):
        query = query.where(OfferRow.id < after)
    found = [to_offer(row) for row in session.scalars(query.limit(limit + 1))]
    return found[:limit], found[limit - 1].id if len(found) > limit else None


@dataclass(frozen=True, slots=True)
class OpenOffer:
    """What a list of many resources needs of an offer; the policy behind an id never changes."""

    id: OfferId
    resource: ResourceId


def open_offers(session: Session) -> list[OpenOffer]:
    """All offers that take requests, oldest first, in one light question; for the program itself:
    some of them are made to one party alone."""
    query = select(OfferRow.id, OfferRow.resource).where(OfferRow.open.is_(True))
    rows = session.execute(query.order_by(OfferRow.id))
    return [OpenOffer(OfferId(name), ResourceId(of)) for name, of in rows]


def policies_of(session: Session, names: Collection[str]) -> dict[str, dict[str, Any]]:
    """The policies of these offers as they are kept: compact JSON-LD. For the program itself."""
    found: dict[str, dict[str, Any]] = {}
    for part in batched(list(names), 500):
        rows = session.execute(select(OfferRow.id, OfferRow.policy).where(OfferRow.id.in_(part)))
        found.update((name, orjson.loads(policy)) for name, policy in rows)
    return found


def offer_row(session: Session, offer_id: str) -> OfferRow:
    """The row of an offer; :class:`NotFound` when there is none."""
    row = session.get(OfferRow, offer_id) if is_id(offer_id) else None
    if row is None:
        raise NotFound(
            "there is no offer {id}", field="offer", mend="list the offers", id=offer_id[:80]
        )
    return row


def to_offer(row: OfferRow) -> Offer:
    """The offer that a row holds."""
    return Offer(
        id=OfferId(row.id),
        resource=ResourceId(row.resource),
        provider=PartyId(row.provider),
        policy=parse_policy(orjson.loads(row.policy)),
        digest=row.digest,
        open=row.open,
        revision=row.revision,
        created_at=row.created_at,
    )


def _filled(policy: Policy, identifier: OfferId, of: Resource, provider: PartyId) -> Policy:
    if policy.type is PolicyType.AGREEMENT:
        raise Invalid("an agreement is not an offer", field="policy.@type", mend="use “Offer”")
    for name, stated, real in (
        ("target", policy.target, of.id),
        ("assigner", policy.assigner, provider),
    ):
        if stated is not None and short(stated) not in (real, of.slug):
            raise Invalid(
                "the policy's {name} is not this resource's",
                field=f"policy.{name}",
                mend="leave it out, or give {real}",
                name=name,
                real=urn(real),
            )
    return replace(
        policy,
        type=PolicyType.OFFER,
        uid=urn(identifier),
        target=urn(of.id),
        assigner=urn(provider),
        assignee=None if policy.assignee is None else urn(short(policy.assignee)),
        timestamp=None,
    )


def operators(session: Session, resource_id: ResourceId) -> frozenset[PartyId]:
    """Parties that may offer a resource beside its provider: they have registered the right to
    operate products of it, or are authorised to, and that holds now."""
    return frozenset(
        right.holder
        for right in rights_on(session, resource_id, now())
        if right.kind is RightKind.OPERATION and (right.registered or right.operation)
    )


def offering_party(session: Session, caller: Caller, found: Resource) -> PartyId:
    """The party that the caller offers a resource for; :class:`Refused` (``offer.provider``) where
    it may not."""
    operates = caller.party != found.provider and caller.party in operators(session, found.id)
    provider = PartyId(str(caller.party)) if operates else found.provider
    _check_provider(caller, provider)
    return provider


def may_offer(session: Session, caller: Caller, found: Resource) -> bool:
    """Whether the caller may put offers of a resource forward."""
    try:
        offering_party(session, caller, found)
    except Refused:
        return False
    return True


def _check_provider(caller: Caller, provider: PartyId) -> None:
    able = caller.may(Role.SUPPLIER, Scope.WRITE) or caller.may(Role.STEWARD, Scope.WRITE)
    if caller.party != provider or not able:
        raise refused(
            "offer.provider",
            "only a supplier or steward of the provider may do this",
            "ask your party's steward; a token needs the scope “write”",
        )


def _check_offerable(session: Session, found: Resource, policy: Policy) -> None:
    if found.state is not State.PUBLISHED:
        raise Conflict(
            "only a published resource can be offered", field="resource", mend="publish it first"
        )
    if found.access is Access.CLOSED:
        raise refused(
            "resource.closed", "this resource is not shared", "change its access level first"
        )
    if found.grade is Grade.CORE:
        raise refused("resource.core", "core data never leave the node", "offer a safe derivative")
    check_well(session, found.id)
    node = node_party(session)
    inside = policy.assignee is not None and node is not None and short(policy.assignee) == node.id
    if found.grade is Grade.IMPORTANT and not inside and not confirmed_levels(session, [found.id]):
        raise refused(
            "resource.unconfirmed",
            "important data are offered to others once a reviewer has confirmed their grade",
            "ask a reviewer of the node to confirm it",
        )


def _check_columns(named: frozenset[str], found: Resource) -> None:
    """A misspelt column would stay in sight, so each must be one that the catalogue describes."""
    described = [meaning.name for meaning in found.fields]
    if found.kind is Kind.STREAM and not described:
        described = list(STREAM_FIELDS)
    known = {*described, FID, GEOMETRY, "valid_from", "valid_to"}
    for name in sorted(named - known):
        raise Invalid(
            "the resource has no column “{column}”",
            field="policy",
            mend="name columns that the catalogue describes: {known}",
            column=name,
            known=", ".join(described) or "—",
        )


def _check_stream(terms: Terms) -> None:
    """What observations cannot be given under is said when it is offered, not when it is used."""
    for clause in terms.permissions:
        for column in clause.whole.columns.masks:
            if column.name != "result" or column.mask is not Mask.ROUND:
                raise Invalid(
                    "field “{name}” of a stream cannot be masked by “{mask}”",
                    field="policy",
                    mend="round “result” to a step, or leave the field out of those that are shown",
                    name=column.name,
                    mask=str(column.mask),
                )
        if clause.whole.restriction.figures is not None:
            raise Invalid(
                "a stream gives observations, and no figures about rows",
                field="policy",
                mend="leave the figures out",
            )


def _owe(session: Session, row: OfferRow, kind: str) -> None:
    owe(
        session,
        kind,
        row.id,
        {
            "resource": row.resource,
            "provider": blind(row.provider, row.salt),
            "policy_sha256": row.digest,
        },
    )
