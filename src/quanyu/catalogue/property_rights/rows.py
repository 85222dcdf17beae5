"""Rights as JSON and as rows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from quanyu.catalogue.property_rights.model import Held, Right, RightId
from quanyu.catalogue.property_rights.tables import RightRow
from quanyu.kernel import ResourceId

_RIGHTS = TypeAdapter(tuple[Right, ...])
_RIGHT = TypeAdapter(Right)
_NAMES = tuple(Right.__dataclass_fields__)


def plain(right: Right) -> Right:
    """The right as it was applied for."""
    return Right(**{name: getattr(right, name) for name in _NAMES})


def right_document(right: Right) -> dict[str, Any]:
    """One right as JSON."""
    kept: dict[str, Any] = _RIGHT.dump_python(plain(right), mode="json")
    return kept


def rights_documents(rights: Iterable[Right]) -> list[dict[str, Any]]:
    """Rights as JSON."""
    return [right_document(right) for right in rights]


def rights_from(documents: Sequence[Mapping[str, Any]]) -> tuple[Right, ...]:
    """The rights that such JSON holds; raises pydantic's ``ValidationError`` for other JSON."""
    return _RIGHTS.validate_python(documents)


def to_held(row: RightRow) -> Held:
    """The right of a row."""
    right = _RIGHT.validate_python(row.body)
    return Held(
        **{name: getattr(right, name) for name in _NAMES},
        resource=ResourceId(row.resource),
        id=RightId(row.id),
        application=row.application,
        entered_at=row.entered_at,
        ended_at=row.ended_at,
    )
