"""Reading JSON whose values may be of any type: what is not as expected is as if not said."""

import math
from collections.abc import Iterable
from typing import Any

from quanyu.catalogue.exchange.said import SaidDistribution, Tagged


def text(value: Any) -> str:
    """A text or number as text; of a list its first; else empty."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, list) and value:
        return text(value[0])
    return ""


def first(document: dict[str, Any], *names: str) -> str:
    """The first of these members that says something."""
    return next(filter(None, (text(document.get(name)) for name in names)), "")


def listed(value: Any) -> list[Any]:
    """A list as it is, nothing as an empty one, anything else as a list of one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def mapped(value: Any) -> dict[str, Any]:
    """An object as it is; anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, or of one alone."""
    return [one for one in listed(value) if isinstance(one, dict)]


def texts(value: Any) -> list[str]:
    """The texts of a list, or one text alone."""
    return [found for one in listed(value) if (found := text(one))]


def tagged(value: Any) -> list[Tagged]:
    """Texts with languages: a text, ``{"zh": …, "en": …}``, or JSON-LD values, or several."""
    found: list[Tagged] = []
    for one in listed(value):
        if isinstance(one, dict) and "@value" in one:
            found.append((text(one.get("@language")), text(one["@value"])))
        elif isinstance(one, dict):
            found += ((str(tag), text(words)) for tag, words in one.items())
        else:
            found.append(("", text(one)))
    return [(tag, words) for tag, words in found if words]


def numbers(value: Any) -> list[float] | None:
    """A list of finite numbers, else ``None``."""
    if not isinstance(value, list) or not value:
        return None
    try:
        found = [float(one) for one in value]
    except (TypeError, ValueError):
        return None
    return found if all(map(math.isfinite, found)) else None


def box_of(geometry: Any) -> list[float] | None:
    """The extent of a GeoJSON geometry, or of its ``bbox``."""
    said = mapped(geometry)
    box = numbers(said.get("bbox"))
    if box and len(box) in {4, 6}:
        return box
    pairs = list(_pairs(said.get("coordinates")))
    for inner in objects(said.get("geometries")):
        pairs += _pairs(inner.get("coordinates"))
    if not pairs:
        return None
    xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
    return [min(xs), min(ys), max(xs), max(ys)]


def _pairs(coordinates: Any) -> Iterable[tuple[float, float]]:
    if not isinstance(coordinates, list):
        return
    pair = numbers(coordinates)
    if pair is not None:
        if len(pair) >= 2:
            yield pair[0], pair[1]
        return
    for one in coordinates:
        yield from _pairs(one)


def from_link(link: dict[str, Any], *, api: bool | None = None) -> SaidDistribution:
    """A link object or asset with ``href``, ``type`` and ``title`` as a distribution."""
    return SaidDistribution(
        text(link.get("href")),
        title=tagged(link.get("title")),
        media_type=text(link.get("type")),
        bytes=link.get("length", link.get("file:size")),
        api=api,
    )
