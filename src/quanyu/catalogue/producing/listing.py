"""Finding products: one, or a page of them, as far as the caller may know of them."""

from sqlalchemy import Text, cast, func, or_, select
from sqlalchemy.orm import Session

from quanyu.catalogue.producing.model import Delivery, Product, ProductPage, ProductState
from quanyu.catalogue.producing.rows import to_product
from quanyu.catalogue.producing.tables import ProductRow, ProductSourceRow
from quanyu.kernel import Invalid, NotFound, PartyId
from quanyu.parties import Caller

MOST = 1_000


def product(session: Session, id_or_code: str, *, visible_to: Caller) -> Product:
    """The product with that id or published identifier; :class:`NotFound` also when the caller
    may not know of it."""
    named = or_(ProductRow.id == id_or_code, ProductRow.code == id_or_code)
    row = session.scalar(select(ProductRow).where(named)) if id_or_code.isprintable() else None
    if row is None or not may_see_product(visible_to, row):
        raise no_product(id_or_code)
    return to_product(row)


def products(
    session: Session,
    *,
    visible_to: Caller,
    provider: PartyId | None = None,
    source: str | None = None,
    states: frozenset[ProductState] = frozenset(),
    delivery: Delivery | None = None,
    words: str = "",
    limit: int = 50,
    after: str | None = None,
) -> ProductPage:
    """Products, latest first: of a provider, made of a resource (``source``), in some states or one
    delivery form, with ``words`` in what is said of them."""
    if not 1 <= limit <= MOST:
        raise Invalid("a page has 1 to {most} entries", field="limit", most=MOST)
    asked = select(ProductRow)
    if not visible_to.runs_node:
        asked = asked.where(
            or_(
                ProductRow.state == ProductState.LISTED.value,
                ProductRow.provider == (visible_to.party or ""),
            )
        )
    if provider is not None:
        asked = asked.where(ProductRow.provider == provider)
    if states:
        asked = asked.where(ProductRow.state.in_([state.value for state in states]))
    if delivery is not None:
        asked = asked.where(ProductRow.delivery == delivery.value)
    for word in words.split():
        said = cast(ProductRow.body, Text)
        asked = asked.where(said.icontains(word, autoescape=True))
    if source is not None:
        made = select(ProductSourceRow.product).where(ProductSourceRow.source == source)
        asked = asked.where(ProductRow.id.in_(made))
    total = session.scalar(select(func.count()).select_from(asked.subquery())) or 0
    if after is not None:
        if not (after.startswith("prd_") and after.isprintable()):
            raise Invalid("this page token is not of this list", field="after", mend="begin again")
        asked = asked.where(ProductRow.id < after)
    rows = list(session.scalars(asked.order_by(ProductRow.id.desc()).limit(limit + 1)))
    more = rows[limit - 1].id if len(rows) > limit else None
    return ProductPage(tuple(to_product(row) for row in rows[:limit]), total, more)


def may_see_product(caller: Caller, row: ProductRow) -> bool:
    """Whether ``caller`` may know of it: listed ones are for all to see."""
    own = caller.party is not None and caller.party == row.provider
    return row.state == ProductState.LISTED.value or own or caller.runs_node


def no_product(product_id: str) -> NotFound:
    """The error of one that is not there, or that the caller may not know of."""
    return NotFound("there is no product {id}", id=product_id[:80])
