"""Types of products, and the code table of delivery forms."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from quanyu.catalogue.codes import Code
from quanyu.catalogue.model import FieldMeaning
from quanyu.kernel import LocalText, PartyId, ResourceId

ProductId = NewType("ProductId", str)


class Delivery(StrEnum):
    """How a product reaches whoever has it (NDI-TR-2025-06)."""

    DATASET = "dataset"
    API = "api"
    APP = "app"
    REPORT = "report"
    MODEL = "model"
    COMPUTE = "compute-to-data"
    OBJECT = "object"
    OTHER = "other"


class ProductState(StrEnum):
    """Where a product stands."""

    DRAFT = "draft"
    LISTED = "listed"
    DELISTED = "delisted"


DELIVERIES: dict[Delivery, Code] = {
    Delivery.DATASET: Code(LocalText(zh="数据集", en="Dataset"), "001"),
    Delivery.API: Code(LocalText(zh="API 接口", en="API"), "002"),
    Delivery.APP: Code(LocalText(zh="应用", en="App"), "003"),
    Delivery.REPORT: Code(LocalText(zh="报告", en="Report"), "004"),
    Delivery.OBJECT: Code(LocalText(zh="实物", en="Object"), "005"),
    # The table of the national scheme has no number for these two: they are its “other”.
    Delivery.MODEL: Code(LocalText(zh="模型", en="Model"), "006"),
    Delivery.COMPUTE: Code(LocalText(zh="可用不可见计算", en="Compute to data"), "006"),
    Delivery.OTHER: Code(LocalText(zh="其他", en="Other"), "006"),
}

LETTERS: dict[Delivery, str] = {Delivery.API: "A", Delivery.APP: "S"}
"""Type letters in identifiers: A for an API, S for a service; P, product, for all others."""

PRODUCT_STATES: dict[ProductState, Code] = {
    ProductState.DRAFT: Code(LocalText(zh="草稿", en="Draft")),
    ProductState.LISTED: Code(LocalText(zh="已上架", en="Listed")),
    ProductState.DELISTED: Code(LocalText(zh="已下架", en="Delisted")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductDraft:
    """Everything that its provider says of a product.

    sources     resources that it is made of; at least one.
    service     what the buyer gets, and how it is kept up.
    dictionary  its fields (数据字典).
    sample      a few lines of it, or the address of a sample.
    quality     what can be relied on, and what cannot.
    terms       for what and how it may be used, in words.
    level       the service level that is promised: availability, answer time, support.
    """

    title: LocalText
    provider: PartyId
    delivery: Delivery
    sources: tuple[ResourceId, ...]
    abstract: LocalText | None = None
    service: LocalText | None = None
    dictionary: tuple[FieldMeaning, ...] = ()
    sample: str = ""
    quality: LocalText | None = None
    terms: LocalText | None = None
    level: LocalText | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Product(ProductDraft):
    """A product. ``code`` is its published identifier, ``None`` until it was first listed."""

    id: ProductId
    code: str | None
    state: ProductState
    revision: int
    created_at: datetime
    updated_at: datetime
    listed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ProductPage:
    """A page of products, latest first; ``next`` is the token of the page after."""

    items: tuple[Product, ...]
    total: int
    next: str | None


@dataclass(frozen=True, slots=True)
class ProductChanged:
    """Event: a product was drafted, amended, listed or delisted, and that is committed."""

    id: ProductId
    provider: PartyId
    state: ProductState
