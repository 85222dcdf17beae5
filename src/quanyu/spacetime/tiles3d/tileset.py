"""``tileset.json`` of 3D Tiles 1.1 (OGC 22-025r4): the tree of tiles, their boxes and errors."""

import math
from collections.abc import Callable
from typing import Any

from quanyu.spacetime.tiles3d.laying import Layout


def tileset(layout: Layout, address: Callable[[int], str], *, extras: dict[str, Any]) -> Any:
    """The document; ``address`` gives the URI of a tile's content.

    Errors are in metres, those of the largest thing that is only on deeper tiles: a client that
    allows 16 pixels asks for a tile when what it holds would be larger than that.
    """
    regions = _regions(layout)
    nodes: list[dict[str, Any]] = []
    for tile, parent in enumerate(layout.parents.tolist()):
        node: dict[str, Any] = {
            "boundingVolume": {"region": regions[tile]},
            "geometricError": round(float(layout.errors[tile]), 3),
            "content": {"uri": address(tile)},
        }
        nodes.append(node)
        if parent < 0:
            node["refine"] = "ADD"
        else:
            nodes[parent].setdefault("children", []).append(node)
    box = layout.boxes[0].tolist() if layout.tiles else []
    root = nodes[0] if nodes else _nothing()
    return {
        "asset": {"version": "1.1"},
        "extras": extras,
        "geometricError": round(_diagonal(box), 3) if box else 0,
        "root": root,
    }


def _regions(layout: Layout) -> list[list[float]]:
    """West, south, east, north in radians and least and greatest height."""
    return [
        [*(math.radians(v) for v in (west, south, east, north)), low, high]
        for west, south, low, east, north, high in layout.boxes.tolist()
    ]


def _diagonal(box: list[float]) -> float:
    west, south, low, east, north, high = box
    stretch = math.cos(math.radians((south + north) / 2))
    return math.dist(((east - west) * 111_320 * stretch, (north - south) * 111_320, high - low),
                     (0, 0, 0))  # fmt: skip


def _nothing() -> dict[str, Any]:
    """A root where nothing may be seen."""
    return {
        "boundingVolume": {"region": [0, 0, 0, 0, 0, 0]},
        "geometricError": 0,
        "refine": "ADD",
    }
