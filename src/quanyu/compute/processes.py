"""**The** table of processes: what this node computes. A new one is one entry."""

from collections.abc import Mapping

from quanyu.compute.model import Algorithm
from quanyu.compute.network.isochrone import ISOCHRONE
from quanyu.compute.network.route import ROUTE
from quanyu.compute.surface.flood_process import FLOOD
from quanyu.compute.surface.section_process import SECTION
from quanyu.compute.surface.shadows_process import SHADOWS
from quanyu.compute.surface.sight_line_process import SIGHT_LINE
from quanyu.compute.surface.sun_hours_process import SUN_HOURS
from quanyu.compute.surface.sunlight_process import SUNLIGHT
from quanyu.compute.surface.viewshed_process import VIEWSHED
from quanyu.compute.vector.buffer import BUFFER
from quanyu.compute.vector.measures import MEASURES
from quanyu.kernel import NotFound

PROCESSES: Mapping[str, Algorithm] = {
    one.description.id: one
    for one in (
        BUFFER,
        ISOCHRONE,
        ROUTE,
        MEASURES,
        SIGHT_LINE,
        VIEWSHED,
        SHADOWS,
        SUN_HOURS,
        SUNLIGHT,
        FLOOD,
        SECTION,
    )
}


def process_named(name: str) -> Algorithm:
    """The process of that id; raises :class:`NotFound`."""
    found = PROCESSES.get(name)
    if found is None:
        raise NotFound("there is no process {id}", field="process", id=name[:80])
    return found
