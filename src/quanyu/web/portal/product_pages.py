"""Products: what is offered out of resources, their pages and their making."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.agreements import AgreementState, Side, agreements, may_offer, offers
from quanyu.catalogue import (
    DELIVERIES,
    PRODUCT_STATES,
    Delivery,
    FieldMeaning,
    Product,
    ProductDraft,
    Resource,
    amend_product,
    delist_product,
    draft_product,
    list_product,
    product,
    products,
    resource,
    resources,
)
from quanyu.kernel import Invalid, LocalText, NotFound, QuanyuError, ResourceId
from quanyu.market import plan_of
from quanyu.parties import Caller, party
from quanyu.web.node import Node
from quanyu.web.pages import language_of
from quanyu.web.portal.price_words import plan_words
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    Visitor,
    filter_of,
    go,
    link_to,
    reading,
    show,
    writing,
)
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_ACTS = {"list", "delist"}
_OFFERED = 200
_BLANK = dict.fromkeys(
    (
        "title_zh", "title_en", "abstract_zh", "abstract_en", "service_zh", "service_en",
        "quality_zh", "quality_en", "terms_zh", "terms_en", "level_zh", "level_en",
        "dictionary", "sample",
    ),
    "",
) | {"delivery": "dataset", "sources": []}  # fmt: skip


@router.get("/products")
async def product_list(
    request: Request, node: TheNode, caller: Visitor, after: str | None = None
) -> Response:
    """The market of products, by delivery form and words; a member also sees its party's drafts."""
    delivery = filter_of(request, "delivery", {one.value for one in Delivery})
    words = request.query_params.get("q", "").strip()[:100]

    def read(session: Session) -> dict[str, Any]:
        page = products(
            session,
            visible_to=caller,
            delivery=Delivery(delivery) if delivery else None,
            words=words,
            after=after,
        )
        names = {one.provider: party(session, one.provider).name for one in page.items}
        prices = {
            one.id: [
                text for row in _prices(session, request, caller, one) for text in row["words"]
            ]
            for one in page.items
        }
        return {"page": page, "providers": names, "prices": prices}

    found = await reading(node, read)
    page = found["page"]
    context = found | {
        "next_href": link_to(request, after=page.next) if page.next else "",
        "deliveries": DELIVERIES,
        "product_states": PRODUCT_STATES,
        "delivery": delivery,
        "q": words,
    }
    twin = {"products": page.items, "total": page.total, "next": page.next}
    return show(request, "products.html", context, twin=twin)


@router.get("/products/new")
async def new_product(
    request: Request, node: TheNode, caller: Member, source: str = ""
) -> Response:
    """The form, perhaps begun from a resource."""
    return await _form(request, node, caller, {"sources": [source] if source else []})


@router.post("/products/new")
async def make_product(request: Request, node: TheNode, caller: Member) -> Response:
    """A draft of the caller's party."""
    await check_csrf_of(request)
    form = await request.form()
    said = {**_BLANK, **{name: str(form.get(name, "")) for name in _BLANK if name != "sources"}}
    said["sources"] = [str(one) for one in form.getlist("sources")]
    area = node.settings.area_code
    try:
        made = await writing(
            node, lambda s: draft_product(s, _draft(s, said, caller), caller, area=area)
        )
    except QuanyuError as error:
        return await _form(request, node, caller, said, error=error)
    return go(f"/products/{made.id}")


@router.get("/products/{product_id}")
async def product_page(
    request: Request, node: TheNode, caller: Visitor, product_id: str
) -> Response:
    """What it is, out of what it is made, how it is had."""
    return await _page(request, node, caller, product_id)


@router.post("/products/{product_id}")
async def change_product(
    request: Request, node: TheNode, caller: Member, product_id: str
) -> Response:
    """List or delist it."""
    await check_csrf_of(request)
    act = str((await request.form()).get("act", ""))

    def write(session: Session) -> Product:
        if act not in _ACTS:
            raise Invalid("there is no such step", field="act", mend="use the buttons of the page")
        if act == "delist":
            return delist_product(session, product_id, caller)
        return list_product(
            session, product_id, caller, operates=lambda of: _agreed(session, caller, of)
        )

    try:
        await writing(node, write)
    except NotFound:
        raise
    except QuanyuError as error:
        return await _page(request, node, caller, product_id, error=error)
    return go(f"/products/{product_id}")


@router.get("/products/{product_id}/edit")
async def edit_product(
    request: Request, node: TheNode, caller: Member, product_id: str
) -> Response:
    """The form, filled with what is there."""
    known = await reading(node, lambda s: product(s, product_id, visible_to=caller))
    return await _form(request, node, caller, _said(known), of=known)


@router.post("/products/{product_id}/edit")
async def save_product(
    request: Request, node: TheNode, caller: Member, product_id: str
) -> Response:
    """Replace the description, unless somebody has changed it since."""
    await check_csrf_of(request)
    form = await request.form()
    said = {**_BLANK, **{name: str(form.get(name, "")) for name in _BLANK if name != "sources"}}
    said["sources"] = [str(one) for one in form.getlist("sources")]
    revision = str(form.get("revision", ""))
    known = await reading(node, lambda s: product(s, product_id, visible_to=caller))

    def write(session: Session) -> Product:
        if not revision.isdecimal():
            raise Invalid("the form is incomplete", field="revision", mend="open the page again")
        draft = _draft(session, said, caller, of=known)
        return amend_product(session, known.id, draft, caller, revision=int(revision))

    try:
        await writing(node, write)
    except QuanyuError as error:
        return await _form(request, node, caller, said, of=known, error=error)
    return go(f"/products/{product_id}")


def _agreed(session: Session, caller: Caller, of: Resource) -> bool:
    """Whether the caller's party has an agreement in force on a resource."""
    active = frozenset({AgreementState.ACTIVE})
    page = agreements(
        session, caller, side=Side.CONSUMER, states=active, resource_id=of.id, limit=1
    )
    return bool(page.items)


def _prices(
    session: Session, request: Request, caller: Caller, of: Product
) -> list[dict[str, Any]]:
    """Open offers of what a product is made of, each with its price in words."""
    language = language_of(request)
    found = []
    for source in of.sources:
        try:
            made_of = resource(session, source, visible_to=caller)
        except NotFound:
            continue
        found += [
            {
                "offer": put.id,
                "slug": made_of.slug,
                "title": made_of.title,
                "words": plan_words(plan_of(session, put.id).plan, language),
            }
            for put in offers(session, made_of.id)
        ]
    return found


async def _page(
    request: Request,
    node: Node,
    caller: Caller,
    product_id: str,
    *,
    error: QuanyuError | None = None,
) -> Response:
    def read(session: Session) -> dict[str, Any]:
        of = product(session, product_id, visible_to=caller)
        known = []
        for source in of.sources:
            try:
                known.append(resource(session, source, visible_to=caller))
            except NotFound:
                continue  # not for this visitor to know
        return {
            "product": of,
            "provider": party(session, of.provider),
            "sources": known,
            "offered_by_me": {one.id for one in known if may_offer(session, caller, one)},
            "prices": _prices(session, request, caller, of),
        }

    found = await reading(node, read)
    context = found | {
        "deliveries": DELIVERIES,
        "product_states": PRODUCT_STATES,
        "own": caller.party == found["product"].provider,
        "json_href": link_to(request, f="json"),
    }
    twin = {
        "product": found["product"],
        "provider": found["provider"],
        "sources": [
            {"id": one.id, "slug": one.slug, "title": one.title} for one in found["sources"]
        ],
        "prices": found["prices"],
    }
    return show(request, "product.html", context, twin=None if error else twin, error=error)


async def _form(
    request: Request,
    node: Node,
    caller: Caller,
    said: Mapping[str, Any],
    *,
    of: Product | None = None,
    error: QuanyuError | None = None,
) -> Response:
    def read(session: Session) -> list[Resource]:
        """What the party may make a product of: its own first, then what it has agreements on."""
        own = frozenset({caller.party}) if caller.party else frozenset()
        mine = resources(session, visible_to=caller, providers=own, limit=_OFFERED).hits
        active = frozenset({AgreementState.ACTIVE})
        page = agreements(session, caller, side=Side.CONSUMER, states=active, limit=_OFFERED)
        granted = dict.fromkeys(one.resource for one in page.items)
        asked = [str(one) for one in said.get("sources", ())]
        more = []
        for name in [*granted, *asked]:
            try:
                more.append(resource(session, name, visible_to=caller))
            except NotFound:
                continue  # named in the address by hand; the form says so when it is sent
        return list({one.id: one for one in [*mine, *more]}.values())

    offered = await reading(node, read)
    chosen = set(said.get("sources", ()))
    context = {
        "of": of,
        "said": {**_BLANK, **said},
        "offered": [(one, one.id in chosen or one.slug in chosen) for one in offered],
        "deliveries": DELIVERIES,
    }
    return show(request, "product_form.html", context, error=error)


def _draft(
    session: Session, said: Mapping[str, Any], caller: Caller, *, of: Product | None = None
) -> ProductDraft:
    assert caller.party is not None  # noqa: S101 - a page for members
    title = _text(said, "title")
    if title is None:
        raise Invalid("a title is needed", field="title", mend="give one in Chinese or English")
    try:
        delivery = Delivery(said["delivery"])
    except ValueError as error:
        raise Invalid("choose a delivery form", field="delivery") from error
    ids = [resource(session, one, visible_to=caller).id for one in said["sources"]]
    return ProductDraft(
        title=title,
        provider=of.provider if of else caller.party,
        delivery=delivery,
        sources=tuple(ResourceId(one) for one in ids),
        abstract=_text(said, "abstract"),
        service=_text(said, "service"),
        quality=_text(said, "quality"),
        terms=_text(said, "terms"),
        level=_text(said, "level"),
        dictionary=_dictionary(said["dictionary"]),
        sample=said["sample"],
    )


def _text(said: Mapping[str, Any], name: str) -> LocalText | None:
    zh, en = said[f"{name}_zh"].strip(), said[f"{name}_en"].strip()
    return LocalText(zh=zh, en=en) if zh or en else None


def _dictionary(text: str) -> tuple[FieldMeaning, ...]:
    """One field a line: name, type, meaning, unit, parted by ``|``."""
    found = []
    for line in text.splitlines():
        if line.strip():
            name, kind, meaning, unit = ([*map(str.strip, line.split("|")), "", "", ""])[:4]
            said = LocalText(zh=meaning, en="") if meaning else None
            found.append(FieldMeaning(name, kind or "string", said, unit))
    return tuple(found)


def _said(of: Product) -> dict[str, Any]:
    def both(name: str, text: LocalText | None) -> dict[str, str]:
        return {f"{name}_zh": text.zh if text else "", f"{name}_en": text.en if text else ""}

    lines = (
        " | ".join((one.name, one.type, one.meaning.to("zh") if one.meaning else "", one.unit))
        for one in of.dictionary
    )
    return {
        **both("title", of.title),
        **both("abstract", of.abstract),
        **both("service", of.service),
        **both("quality", of.quality),
        **both("terms", of.terms),
        **both("level", of.level),
        "dictionary": "\n".join(lines),
        "sample": of.sample,
        "delivery": of.delivery.value,
        "sources": list(of.sources),
    }
