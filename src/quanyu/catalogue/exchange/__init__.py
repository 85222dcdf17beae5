"""Forms in which catalogues are exchanged, each mapped to one hub: :class:`Entry`."""

from quanyu.catalogue.exchange.dcat_read import from_dcat
from quanyu.catalogue.exchange.dcat_write import CatalogDescription, to_dcat
from quanyu.catalogue.exchange.model import Entry, Parsed, Publisher, Remark
from quanyu.catalogue.exchange.safe import loads

__all__ = [
    "CatalogDescription",
    "Entry",
    "Parsed",
    "Publisher",
    "Remark",
    "from_dcat",
    "loads",
    "to_dcat",
]
