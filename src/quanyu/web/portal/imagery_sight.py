"""What the page of an entry shows of imagery: its bands, and pictures to choose from."""

from typing import Any
from urllib.parse import urlencode

from quanyu.catalogue import Resource
from quanyu.spacetime import PRESETS, View
from quanyu.web.portal.identities import Identity

_WIDTH = 640


def imagery_sight(view: View, of: Resource, under: Identity | None) -> dict[str, Any]:
    """Bands, the number of scenes, the newest one, and pictures that the bands allow.

    Each picture is a use of its own, drawn within the restriction when the page asks for it.
    """
    imagery = view.imagery()
    given = dict(under.parameters) if under else {}
    here = f"/ogc/maps/collections/{of.slug}/map"

    def address(**more: str) -> str:
        return f"{here}?{urlencode({**given, 'width': str(_WIDTH), **more})}"

    kinds = [{"name": "", "href": address(f="png")}] if imagery.bands else []
    kinds += [
        {"name": name.upper(), "href": address(expression=name, f="png")}
        for name in PRESETS
        if imagery.can_compute(name)
    ]
    newest = imagery.scenes[0] if imagery.scenes else None
    return {
        "bands": [
            {
                "name": band.name,
                "type": band.dtype,
                "nodata": "" if band.nodata is None else f"{band.nodata:g}",
                "scale": "" if band.scale == 1 else f"{band.scale:g}",
                "offset": "" if not band.offset else f"{band.offset:g}",
                "unit": band.unit,
            }
            for band in imagery.wanted(imagery.bands)
        ],
        "count": len(imagery.scenes),
        "newest": newest.id if newest else "",
        "newest_at": newest.at if newest else None,
        "pictures": kinds if newest else [],
        "items": f"/stac/collections/{of.slug}/items{'?' + under.query if under else ''}",
        "coverage": f"/ogc/coverages/collections/{of.slug}{'?' + under.query if under else ''}",
    }
