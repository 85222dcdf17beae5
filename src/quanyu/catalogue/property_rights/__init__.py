"""The three rights on resources: registered, certified, transferred; who has them, and what lies
beneath."""

from quanyu.catalogue.property_rights.checking import check_beneath, check_change, check_rights
from quanyu.catalogue.property_rights.entering import enter_rights, standing_documents
from quanyu.catalogue.property_rights.listing import Listing, RegisterPage, rights_register
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
    rights_of_sources,
    rights_on,
)
from quanyu.catalogue.property_rights.rows import (
    plain,
    right_document,
    rights_documents,
    rights_from,
)

__all__ = [
    "ORIGINS",
    "RIGHT_KINDS",
    "WHOLE_SHARE",
    "Beneath",
    "Conditions",
    "Held",
    "Listing",
    "Origin",
    "Proof",
    "RegisterPage",
    "Right",
    "RightId",
    "RightKind",
    "check_beneath",
    "check_change",
    "check_rights",
    "enter_rights",
    "holders",
    "plain",
    "registered_rights",
    "right_document",
    "rights_beneath",
    "rights_documents",
    "rights_from",
    "rights_of_sources",
    "rights_on",
    "rights_register",
    "standing_documents",
]
