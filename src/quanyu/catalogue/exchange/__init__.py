"""Forms in which catalogues are exchanged, each mapped to one hub: :class:`Entry`."""

from quanyu.catalogue.exchange.ckan_read import from_ckan
from quanyu.catalogue.exchange.ckan_write import ckan_group, to_ckan
from quanyu.catalogue.exchange.dcat_read import from_dcat
from quanyu.catalogue.exchange.dcat_write import CatalogDescription, to_dcat
from quanyu.catalogue.exchange.from_resource import entry_of
from quanyu.catalogue.exchange.iso_read import from_iso
from quanyu.catalogue.exchange.iso_write import to_iso
from quanyu.catalogue.exchange.iso_xml import IsoForm
from quanyu.catalogue.exchange.listing import Listed, ListedBy, ListedPage, listing
from quanyu.catalogue.exchange.mapping import exchange_document
from quanyu.catalogue.exchange.model import Entry, Measurement, Parsed, Publisher, Remark
from quanyu.catalogue.exchange.record_read import from_record
from quanyu.catalogue.exchange.safe import loads, read_xml
from quanyu.catalogue.exchange.schema_org_read import from_schema_org
from quanyu.catalogue.exchange.schema_org_write import to_schema_org
from quanyu.catalogue.exchange.stac_read import from_stac
from quanyu.catalogue.exchange.stac_write import to_stac_collection, to_stac_item
from quanyu.catalogue.exchange.terms import PERSON

__all__ = [
    "PERSON",
    "CatalogDescription",
    "Entry",
    "IsoForm",
    "Listed",
    "ListedBy",
    "ListedPage",
    "Measurement",
    "Parsed",
    "Publisher",
    "Remark",
    "ckan_group",
    "entry_of",
    "exchange_document",
    "from_ckan",
    "from_dcat",
    "from_iso",
    "from_record",
    "from_schema_org",
    "from_stac",
    "listing",
    "loads",
    "read_xml",
    "to_ckan",
    "to_dcat",
    "to_iso",
    "to_schema_org",
    "to_stac_collection",
    "to_stac_item",
]
