"""How each kind of source is gone through: a page at a time, each from a cursor that can be kept.

A cursor is a small JSON object; what it holds is the reader's own. ``None`` begins at the first.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from quanyu.catalogue.harvest.fetch import Reach
from quanyu.catalogue.harvest.model import SourceKind, SourceSettings
from quanyu.catalogue.harvest.readers import ckan, csw, dcat, records, stac
from quanyu.catalogue.harvest.readers.page import Cursor, SourcePage

Reader: TypeAlias = Callable[[str, SourceSettings, Cursor | None, Reach], SourcePage]

_READERS: Mapping[SourceKind, Reader] = {
    SourceKind.CKAN: ckan.read,
    SourceKind.DCAT: dcat.read,
    SourceKind.RECORDS: records.read,
    SourceKind.CSW: csw.read,
    SourceKind.STAC: stac.read,
    SourceKind.QUANYU: records.read_node,
}


def read_page(
    kind: SourceKind, url: str, settings: SourceSettings, cursor: Cursor | None, reach: Reach
) -> SourcePage:
    """One page of a source; raises as :func:`~quanyu.catalogue.harvest.fetch.fetch`."""
    return _READERS[kind](url, settings, cursor, reach)


__all__ = ["Cursor", "Reader", "SourcePage", "read_page"]
