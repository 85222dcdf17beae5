"""Everything at a place: one question to every collection that the caller may see."""

from quanyu.web.place.routes import routes

__all__ = ["routes"]
