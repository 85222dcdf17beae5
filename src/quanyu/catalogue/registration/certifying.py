"""The certificate of a registration 登记证: what was registered, its digest in evidence.

Anyone who has its number can see whether it is still the latest; what it says is for those who may
see the entry.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import State
from quanyu.catalogue.entries import resource
from quanyu.catalogue.model import Resource
from quanyu.catalogue.property_rights import (
    Beneath,
    Held,
    right_document,
    rights_beneath,
    rights_on,
)
from quanyu.catalogue.registration.model import ApplicationKind
from quanyu.catalogue.registration.tables import ApplicationRow, CertificateRow
from quanyu.catalogue.rights import may_see
from quanyu.catalogue.rows import document, draft_of
from quanyu.kernel import (
    LeafId,
    LocalText,
    NotFound,
    PartyId,
    ResourceId,
    canonical,
    iso,
    new_id,
    now,
    owe,
    sha256_hex,
)
from quanyu.parties import Caller, party

TYPE = "quanyu-certificate-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate. ``document`` is RFC 8785 JSON, empty for who may not see the entry.

    ``serial`` is the published identifier and a number; ``latest`` whether no later certificate
    of the same resource takes its place; ``ended`` whether the registration was cancelled.
    """

    id: str
    serial: str
    resource: ResourceId
    application: str
    kind: ApplicationKind
    issued_at: datetime
    document: bytes
    digest: str
    leaf: LeafId
    latest: bool
    ended: bool


def certify(session: Session, row: ApplicationRow) -> None:
    """Keep the certificate of what has just been registered, and owe ``certificate.issued``."""
    of, moment = resource(session, row.resource), now()
    count = session.execute(
        select(func.count()).where(CertificateRow.resource == row.resource)
    ).scalar_one()
    name, serial = new_id("certificate"), f"{of.code}-{count + 1:03d}"
    body = canonical(_document(session, row, of, (name, serial), moment))
    digest = sha256_hex(body)
    leaf = owe(
        session,
        "certificate.issued",
        name,
        {"resource": row.resource, "application": row.id, "serial": serial, "document": digest},
    )
    session.add(
        CertificateRow(
            id=name,
            serial=serial,
            resource=row.resource,
            application=row.id,
            kind=row.kind,
            issued_at=moment,
            body=body,
            digest=digest,
            leaf=leaf,
        )
    )
    session.flush()


def certificate(session: Session, id_or_serial: str, *, visible_to: Caller) -> Certificate:
    """The certificate of that id or serial; raises :class:`NotFound`."""
    row = None
    if id_or_serial.isprintable():
        named = or_(CertificateRow.id == id_or_serial, CertificateRow.serial == id_or_serial)
        row = session.scalar(select(CertificateRow).where(named))
    if row is None:
        raise NotFound("there is no certificate {id}", id=id_or_serial[:80])
    shown = may_see(visible_to, resource(session, row.resource))
    return _certificate(row, _latest(session, row.resource), shown=shown)


def certificates(session: Session, resource_id: ResourceId) -> list[Certificate]:
    """Every certificate of a resource, the latest first."""
    rows = session.scalars(
        select(CertificateRow)
        .where(CertificateRow.resource == resource_id)
        .order_by(CertificateRow.number.desc())
    ).all()
    return [_certificate(row, rows[0], shown=True) for row in rows]


def _latest(session: Session, resource_id: str) -> CertificateRow:
    return session.scalars(
        select(CertificateRow)
        .where(CertificateRow.resource == resource_id)
        .order_by(CertificateRow.number.desc())
        .limit(1)
    ).one()


def _certificate(row: CertificateRow, latest: CertificateRow, *, shown: bool) -> Certificate:
    return Certificate(
        id=row.id,
        serial=row.serial,
        resource=ResourceId(row.resource),
        application=row.application,
        kind=ApplicationKind(row.kind),
        issued_at=row.issued_at,
        document=row.body if shown else b"",
        digest=row.digest,
        leaf=LeafId(row.leaf),
        latest=row.id == latest.id,
        ended=latest.kind == ApplicationKind.CANCELLATION.value,
    )


def _document(
    session: Session,
    row: ApplicationRow,
    of: Resource,
    identity: tuple[str, str],
    moment: datetime,
) -> dict[str, Any]:
    # A certificate is for everybody: sources that are not public are counted and not named.
    beneath = rights_beneath(session, of.id, moment)
    named = [one for one in beneath if resource(session, one.resource).state is State.PUBLISHED]
    described = {name: said for name, said in document(draft_of(of)).items() if name != "contact"}
    return {
        "type": TYPE,
        "certificate": identity[0],
        "serial": identity[1],
        "registration": row.kind,
        "application": row.id,
        "registered_at": iso(moment),
        "publicity": [
            "" if at is None else iso(at) for at in (row.publicity_from, row.publicity_until)
        ],
        "resource": {
            "id": of.id,
            "code": of.code or "",
            "slug": of.slug,
            "title": _text(of.title),
            "kind": of.kind.value,
            "access": of.access.value,
            "grade": of.grade.value,
            "licence": of.licence,
            "provider": _party(session, of.provider),
            "sha256": sha256_hex(canonical(described)),
        },
        "rights": [
            _right(session, held)
            for held in rights_on(session, of.id, moment)
            if row.kind != ApplicationKind.CANCELLATION.value
        ],
        "beneath": [_source(session, one) for one in named],
        "beneath_unnamed": len(beneath) - len(named),
    }


def _right(session: Session, held: Held) -> dict[str, Any]:
    return right_document(held) | {
        "id": held.id or "",
        "registered": held.registered,
        "holder": _party(session, held.holder),
    }


def _source(session: Session, one: Beneath) -> dict[str, Any]:
    return {
        "resource": one.resource,
        "slug": one.slug,
        "title": _text(one.title),
        "steps": one.depth,
        "rights": [
            {
                "kind": held.kind.value,
                "holder": _party(session, held.holder),
                "registered": held.registered,
            }
            for held in one.rights
        ],
    }


def _party(session: Session, of: PartyId) -> dict[str, str]:
    found = party(session, of)
    return {"id": found.id, "credit_code": found.credit_code or "", **_text(found.name)}


def _text(said: LocalText) -> dict[str, str]:
    return {"zh": said.zh, "en": said.en}
