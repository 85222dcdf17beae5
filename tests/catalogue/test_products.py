"""Products: made of resources, listed under the right to operate, seen by whom they are for."""

from dataclasses import replace

import pytest
from catalogue_city import City, asking

from quanyu.catalogue import (
    Access,
    Delivery,
    FieldMeaning,
    Product,
    ProductDraft,
    ProductState,
    Resource,
    amend_product,
    delist_product,
    draft_product,
    identifier_valid,
    list_product,
    product,
    products,
)
from quanyu.kernel import (
    Conflict,
    Invalid,
    LocalText,
    NotFound,
    Refused,
    ResourceId,
    Unauthenticated,
)
from quanyu.parties import ANONYMOUS, Role


def never(_of: Resource) -> bool:
    return False


def made(city: City, *sources: Resource, **rest: object) -> Product:
    draft = ProductDraft(
        title=LocalText(zh="指数", en="Index"),
        provider=city.housing.id,
        delivery=Delivery.API,
        sources=tuple(one.id for one in sources),
        dictionary=(FieldMeaning("index", "number"),),
    )
    with city.store.begin() as session:
        return draft_product(session, replace(draft, **rest), city.supplier, area="110101")


def test_a_product_lives_and_leaves_evidence(city: City) -> None:
    own = city.publish("buildings")
    one = made(city, own)
    assert (one.state, one.code, one.revision) == (ProductState.DRAFT, None, 1)
    with city.store.read() as session, pytest.raises(NotFound):
        product(session, one.id, visible_to=ANONYMOUS)
    with city.store.begin() as session:
        listed = list_product(session, one.id, city.supplier, operates=never)
    assert listed.code is not None
    assert "/A" in listed.code
    assert identifier_valid(listed.code)
    with city.store.read() as session:
        assert product(session, listed.code, visible_to=ANONYMOUS) == listed
        assert products(session, visible_to=ANONYMOUS, source=own.id).items == (listed,)
        owed = session.connection().exec_driver_sql("select kind from outbox").scalars().all()
    assert [kind for kind in owed if kind.startswith("product.")] == [
        "product.drafted",
        "product.listed",
    ]
    with city.store.begin() as session:
        gone = delist_product(session, one.id, city.supplier)
        with pytest.raises(Conflict):
            delist_product(session, one.id, city.supplier)
    assert gone.code == listed.code
    with city.store.read() as session:
        assert products(session, visible_to=ANONYMOUS).items == ()
        assert products(session, visible_to=city.supplier).total == 1
        assert products(session, visible_to=city.stranger).total == 0


def test_listing_asks_for_the_right_to_operate(city: City) -> None:
    other = city.publish(
        "bus", provider=city.transport.id, access=Access.RESTRICTED, licence="by-agreement"
    )
    one = made(city, other)
    with pytest.raises(Refused) as caught, city.store.begin() as session:
        list_product(session, one.id, city.supplier, operates=never)
    assert caught.value.rule == "product.operate"
    with city.store.begin() as session:
        listed = list_product(session, one.id, city.supplier, operates=lambda of: of.id == other.id)
    assert listed.state is ProductState.LISTED
    # Another source is another question of rights.
    more = city.publish("taxi", provider=city.transport.id, access=Access.SHARED)
    with city.store.begin() as session:
        draft = replace(listed, sources=(other.id, more.id))
        changed = amend_product(session, one.id, draft, city.supplier, revision=listed.revision)
    assert changed.state is ProductState.DRAFT


def test_who_may_not_is_refused(city: City) -> None:
    one = made(city, city.publish("buildings"))
    for caller, error in (
        (ANONYMOUS, NotFound),
        (city.stranger, NotFound),
        (asking(city.housing, Role.CONSUMER), Refused),
        (asking(city.node, Role.AUDITOR), Refused),
    ):
        with pytest.raises(error), city.store.begin() as session:
            list_product(session, one.id, caller, operates=never)
    with pytest.raises(Unauthenticated), city.store.begin() as session:
        draft_product(session, one, ANONYMOUS)


def test_bad_products_are_refused(city: City) -> None:
    own = city.publish("buildings")
    hidden = city.register("hidden", provider=city.transport.id)
    for sources in ((), (ResourceId("res_no"),), (hidden.id,), (ResourceId("\x00"),)):
        with pytest.raises(Invalid) as caught:
            made(city, own, sources=sources)
        assert caught.value.field == "sources"
    with pytest.raises(Invalid, match="title"):
        made(city, own, title=LocalText(zh=" ", en=""))
    one = made(city, own)
    with pytest.raises(Conflict), city.store.begin() as session:
        amend_product(session, one.id, one, city.supplier, revision=7)
    with city.store.read() as session:
        for name in ("prd_no", "\x00", "%"):
            with pytest.raises(NotFound):
                product(session, name, visible_to=city.operator)
        with pytest.raises(Invalid):
            products(session, visible_to=city.operator, after="x")
