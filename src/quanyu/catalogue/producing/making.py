"""The life of a product: drafted, amended, listed, delisted; each step in evidence."""

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import Access
from quanyu.catalogue.entries import next_serial, org_code, resource
from quanyu.catalogue.grading import check_offerable_grade
from quanyu.catalogue.identifier import make_identifier
from quanyu.catalogue.model import Resource
from quanyu.catalogue.producing.listing import may_see_product, no_product
from quanyu.catalogue.producing.model import (
    LETTERS,
    Product,
    ProductChanged,
    ProductDraft,
    ProductId,
    ProductState,
)
from quanyu.catalogue.producing.rows import NAMES, fill_product, to_product
from quanyu.catalogue.producing.tables import ProductRow, ProductSourceRow
from quanyu.catalogue.property_rights import RightKind, holders, rights_on
from quanyu.catalogue.rights import check_writes
from quanyu.catalogue.validate import MOST_SOURCES, check_fields, check_line, check_text
from quanyu.kernel import (
    Conflict,
    Invalid,
    NotFound,
    PartyId,
    Refused,
    announce,
    canonical,
    new_id,
    now,
    owe,
    sha256_hex,
)
from quanyu.parties import Caller, party

LONGEST_TITLE, LONGEST_TEXT = 300, 20_000
Operates = Callable[[Resource], bool]


def draft_product(
    session: Session, draft: ProductDraft, caller: Caller, *, area: str = "000000"
) -> Product:
    """Put down a product that only its provider and the node see.

    Raises :class:`Invalid` for faults of the draft and sources that the caller does not know,
    :class:`Refused` when the caller may not write for that party.
    """
    check_writes(caller, draft.provider)
    checked = _checked(session, draft, caller)
    moment = now()
    row = ProductRow(
        id=new_id("product"),
        code=None,
        state=ProductState.DRAFT.value,
        area=area,
        revision=0,
        created_at=moment,
        updated_at=moment,
        listed_at=None,
    )
    fill_product(row, checked)
    session.add(row)
    session.flush()
    _put_sources(session, row, checked)
    return _step(session, row, "drafted", caller)


def amend_product(
    session: Session, product_id: str, draft: ProductDraft, caller: Caller, *, revision: int
) -> Product:
    """Replace the description of a product that stood at ``revision``.

    Raises :class:`Conflict` when it has been changed since. A listed product that gets another
    source is a draft again: its rights are asked for anew when it is listed.
    """
    row = _writable(session, product_id, caller)
    if row.revision != revision:
        raise Conflict(
            "the product has been changed since you read it: it is at revision {revision}",
            field="revision",
            mend="read it again and repeat your change",
            revision=row.revision,
        )
    before = to_product(row)
    if before.provider != draft.provider:
        raise Invalid(
            "this cannot change once the product is there",
            field="provider",
            mend="make another product and delist this one",
        )
    checked = _checked(session, draft, caller)
    if all(getattr(before, name) == getattr(checked, name) for name in NAMES):
        return before
    fill_product(row, checked)
    _put_sources(session, row, checked)
    if set(checked.sources) - set(before.sources):
        row.state = ProductState.DRAFT.value
    return _step(session, row, "amended", caller)


def list_product(
    session: Session, product_id: str, caller: Caller, *, operates: Operates
) -> Product:
    """Offer it to all who may see the catalogue; the first time it gets its identifier.

    The provider has the right to operate on each source: by the register, by default or by an
    authorisation in force; or the source is open; or ``operates`` says so of it. Raises
    :class:`Refused` (rules ``product.operate``, ``grading.core``, ``grading.unconfirmed``) that
    names the first without.
    """
    row = _writable(session, product_id, caller)
    if row.state == ProductState.LISTED.value:
        return to_product(row)
    for source in to_product(row).sources:
        of = resource(session, source)
        check_offerable_grade(session, of, "sources")
        able = holders(rights_on(session, of.id, now()), RightKind.OPERATION)
        if row.provider in able or of.access is Access.OPEN or operates(of):
            continue
        raise Refused(
            "your party has no right to offer products out of “{slug}”",
            field="sources",
            mend="ask its provider for an agreement, or leave it out",
            rule="product.operate",
            slug=of.slug,
        )
    if row.code is None:
        owner = party(session, PartyId(row.provider))
        org, letter = org_code(owner), LETTERS.get(to_product(row).delivery, "P")
        serial = next_serial(session, row.area, org, letter)
        row.code = make_identifier(row.area, org, letter, serial)
    row.state, row.listed_at = ProductState.LISTED.value, now()
    return _step(session, row, "listed", caller)


def delist_product(session: Session, product_id: str, caller: Caller) -> Product:
    """Take it back from sight; it keeps its identifier."""
    row = _writable(session, product_id, caller)
    if row.state != ProductState.LISTED.value:
        raise Conflict("only a listed product can be delisted", field="state", mend="see its state")
    row.state = ProductState.DELISTED.value
    return _step(session, row, "delisted", caller)


def _checked(session: Session, draft: ProductDraft, caller: Caller) -> ProductDraft:
    sources = tuple(dict.fromkeys(draft.sources))
    if not 1 <= len(sources) <= MOST_SOURCES:
        raise Invalid(
            "a product is made of 1 to {most} resources",
            field="sources",
            mend="name them by their id",
            most=MOST_SOURCES,
        )
    for source in sources:
        try:
            resource(session, source, visible_to=caller)
        except NotFound as error:
            raise Invalid(
                "there is no resource {id}",
                field="sources",
                mend="name resources of this catalogue by their id",
                id=source[:80],
            ) from error
    return replace(
        draft,
        title=check_text(draft.title, "title", LONGEST_TITLE),
        abstract=draft.abstract and check_text(draft.abstract, "abstract", LONGEST_TEXT),
        service=draft.service and check_text(draft.service, "service", LONGEST_TEXT),
        dictionary=check_fields(draft.dictionary),
        sample=check_line(draft.sample, "sample", LONGEST_TEXT, lines=True),
        sources=sources,
    )


def _put_sources(session: Session, row: ProductRow, draft: ProductDraft) -> None:
    session.execute(delete(ProductSourceRow).where(ProductSourceRow.product == row.id))
    session.execute(
        insert(ProductSourceRow),
        [{"product": row.id, "source": source} for source in draft.sources],
    )


def _writable(session: Session, product_id: str, caller: Caller) -> ProductRow:
    row = session.scalar(
        select(ProductRow)
        .where(ProductRow.id == (product_id if product_id.isprintable() else ""))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None or not may_see_product(caller, row):
        raise no_product(product_id)
    check_writes(caller, PartyId(row.provider))
    return row


def _step(session: Session, row: ProductRow, step: str, caller: Caller) -> Product:
    row.revision += 1
    row.updated_at = now()
    session.flush()
    owe(
        session,
        f"product.{step}",
        row.id,
        {
            "code": row.code or "",
            "provider": row.provider,
            "by": caller.party or "",
            "state": row.state,
            "revision": row.revision,
            "sources": list(row.body["sources"]),
            "sha256": sha256_hex(canonical(row.body)),
        },
    )
    changed = ProductChanged(ProductId(row.id), PartyId(row.provider), ProductState(row.state))
    announce(session, changed)
    return to_product(row)
