"""What each kind of resource says of itself beyond the common core, as versioned JSON Schemas."""

from quanyu.catalogue.kinds.check import (
    Fault,
    attribute_faults,
    check_attributes,
    upgrade_attributes,
)
from quanyu.catalogue.kinds.reference import kinds_document
from quanyu.catalogue.kinds.schemas import (
    KindSchema,
    kind_schema,
    kind_schemas,
    use_extensions,
)
from quanyu.catalogue.kinds.shown import Shown, attribute_words, shown_attributes

__all__ = [
    "Fault",
    "KindSchema",
    "Shown",
    "attribute_faults",
    "attribute_words",
    "check_attributes",
    "kind_schema",
    "kind_schemas",
    "kinds_document",
    "shown_attributes",
    "upgrade_attributes",
    "use_extensions",
]
