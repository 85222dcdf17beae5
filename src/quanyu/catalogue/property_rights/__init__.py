"""The three rights on resources: registered, certified, transferred; who has them, and what lies
beneath."""

from quanyu.catalogue.property_rights.model import (
    ORIGINS,
    RIGHT_KINDS,
    WHOLE_SHARE,
    Beneath,
    Conditions,
    Held,
    Origin,
    Proof,
    Right,
    RightId,
    RightKind,
)
from quanyu.catalogue.property_rights.reading import (
    holders,
    registered_rights,
    rights_beneath,
    rights_on,
)

__all__ = [
    "ORIGINS",
    "RIGHT_KINDS",
    "WHOLE_SHARE",
    "Beneath",
    "Conditions",
    "Held",
    "Origin",
    "Proof",
    "Right",
    "RightId",
    "RightKind",
    "holders",
    "registered_rights",
    "rights_beneath",
    "rights_on",
]
