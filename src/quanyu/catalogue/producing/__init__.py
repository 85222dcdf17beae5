"""What is offered out of resources, in a delivery form; not a resource itself."""

from quanyu.catalogue.producing.listing import product, products
from quanyu.catalogue.producing.making import (
    amend_product,
    delist_product,
    draft_product,
    list_product,
)
from quanyu.catalogue.producing.model import (
    DELIVERIES,
    PRODUCT_STATES,
    Delivery,
    Product,
    ProductChanged,
    ProductDraft,
    ProductPage,
    ProductState,
)

__all__ = [
    "DELIVERIES",
    "PRODUCT_STATES",
    "Delivery",
    "Product",
    "ProductChanged",
    "ProductDraft",
    "ProductPage",
    "ProductState",
    "amend_product",
    "delist_product",
    "draft_product",
    "list_product",
    "product",
    "products",
]
