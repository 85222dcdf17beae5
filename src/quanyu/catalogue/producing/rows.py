"""Products as rows."""

from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter

from quanyu.catalogue.producing.model import Product, ProductDraft, ProductId, ProductState
from quanyu.catalogue.producing.tables import ProductRow

_DRAFT = TypeAdapter(ProductDraft)
NAMES = tuple(field.name for field in fields(ProductDraft))


def fill_product(row: ProductRow, draft: ProductDraft) -> None:
    """Put a description into its row."""
    plain = ProductDraft(**{name: getattr(draft, name) for name in NAMES})
    body: dict[str, Any] = _DRAFT.dump_python(plain, mode="json")
    row.provider, row.delivery, row.body = draft.provider, draft.delivery.value, body


def to_product(row: ProductRow) -> Product:
    """The product of a row."""
    draft = _DRAFT.validate_python(row.body)
    return Product(
        **{name: getattr(draft, name) for name in NAMES},
        id=ProductId(row.id),
        code=row.code,
        state=ProductState(row.state),
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
        listed_at=row.listed_at,
    )
