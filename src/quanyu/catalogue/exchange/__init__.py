"""Forms in which catalogues are exchanged, each mapped to one hub: :class:`Entry`."""

from quanyu.catalogue.exchange.model import Entry, Parsed, Publisher, Remark

__all__ = ["Entry", "Parsed", "Publisher", "Remark"]
