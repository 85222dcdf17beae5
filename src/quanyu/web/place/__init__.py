"""Everything at a place: one question to every collection that the caller may see."""

from quanyu.web.place.asked import FARTHEST_M, LIMIT, MOST, NAMED
from quanyu.web.place.routes import routes

__all__ = ["FARTHEST_M", "LIMIT", "MOST", "NAMED", "routes"]
