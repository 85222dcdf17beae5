"""Parameters of pictures and coverages: bands, expressions, stretch, size, place and time.

OGC API – Maps (20-058) and Coverages (19-087): bbox, bbox-crs, subset, datetime, width, height,
crs, scale-factor, scale-size, transparent, bgcolor, properties. ``bands``, ``expression``,
``rescale`` and ``colormap`` are ours: the standards leave it to styles.
"""

import re
from collections.abc import Mapping
from math import isfinite

from quanyu.kernel import Invalid
from quanyu.spacetime import CRS84, Chosen, Style
from quanyu.web import parameters
from quanyu.web.negotiate import Offer, offer

STYLE = frozenset({"bands", "expression", "rescale", "colormap"})
CHOICE = frozenset({"datetime", "scene"})
PICTURE: Offer = offer("png", "jpeg", "webp")
_COLOUR = re.compile(r"(?:#|0x)?([0-9A-Fa-f]{6})")
_NAMED = {"white": "ffffff", "black": "000000", "gray": "808080", "grey": "808080"}
_SUBSET = re.compile(r"\s*([A-Za-z]{1,12})\(([^()]{1,80})\)\s*")
_SCALE = re.compile(r"\s*([A-Za-z]{1,12})\((\d{1,6})\)\s*")
_EAST = frozenset({"lon", "long", "e", "x", "easting"})
_NORTH = frozenset({"lat", "n", "y", "northing"})


def style_of(given: Mapping[str, str], form: str, *, opaque: bool = False) -> Style:
    """How a picture is drawn; names of bands are checked by the store."""
    bands = parameters.names(given.get("bands", ""))
    if bands and "expression" in given:
        raise Invalid(
            "bands and expression exclude each other", field="expression", mend="leave one out"
        )
    return Style(
        bands=bands,
        expression=given.get("expression") or None,
        ranges=_ranges(given["rescale"]) if "rescale" in given else (),
        colormap=given.get("colormap") or None,
        form=form,
        background=background(given) if opaque else None,
    )


def chosen_of(given: Mapping[str, str], name: str = "datetime") -> Chosen:
    """Which scenes are asked for."""
    subset = subsets(given).get("time")
    text = given.get(name) or (subset if name == "datetime" else None)
    interval = parameters.interval(text, name) if text else (None, None)
    return Chosen(interval, given.get("scene"))


def background(given: Mapping[str, str]) -> tuple[int, int, int] | None:
    """The colour behind pixels without data (Maps 7.12, 7.13); ``None`` is transparent."""
    if given.get("transparent", "true" if "bgcolor" not in given else "false") not in _TRUTH:
        raise Invalid("“transparent” is true or false", field="transparent", mend="give true")
    if _TRUTH[given.get("transparent", "true" if "bgcolor" not in given else "false")]:
        return None
    text = given.get("bgcolor", "white")
    found = _COLOUR.fullmatch(_NAMED.get(text.lower(), text))
    if found is None:
        raise Invalid(
            "“{text}” is no colour", field="bgcolor", mend="give such as 0xFFFFFF", text=text[:40]
        )
    number = int(found[1], 16)
    return number >> 16, number >> 8 & 255, number & 255


_TRUTH = {"true": True, "false": False}


def _ranges(text: str) -> tuple[tuple[float, float], ...]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    pairs = tuple(zip(numbers[::2], numbers[1::2], strict=False))
    if (
        not pairs
        or len(numbers) % 2
        or not all(map(isfinite, numbers))
        or any(low >= high for low, high in pairs)
    ):
        raise Invalid(
            "a range is two numbers, the lesser first",
            field="rescale",
            mend="give such as 0,3000; or one pair for each band",
        )
    return pairs


def box_of(given: Mapping[str, str]) -> tuple[tuple[float, float, float, float], str] | None:
    """The box of ``bbox`` or ``subset`` and the URI of its CRS; ``None`` when neither is given."""
    crs = parameters.crs(given["bbox-crs"], "bbox-crs") if "bbox-crs" in given else CRS84
    axes = {name: text for name, text in subsets(given).items() if name != "time"}
    if "bbox" in given:
        if axes:
            raise Invalid("bbox and subset exclude each other", field="subset", mend="leave one")
        box = parameters.bbox(given["bbox"])
        half = len(box) // 2
        return (box[0], box[1], box[half], box[half + 1]), crs
    if not axes:
        return None
    if "subset-crs" in given:
        crs = parameters.crs(given["subset-crs"], "subset-crs")
    east = [text for name, text in axes.items() if name in _EAST]
    north = [text for name, text in axes.items() if name in _NORTH]
    if len(east) != 1 or len(north) != 1:
        raise Invalid(
            "a subset names both axes of the plane",
            field="subset",
            mend="give such as Lat(60.1:60.2),Lon(24.9:25.0)",
        )
    (west, right), (south, top) = _span(east[0]), _span(north[0])
    return (west, south, right, top), crs


def _span(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(":"))
    except ValueError:
        low, high = 1.0, 0.0
    if not (isfinite(low) and isfinite(high) and low < high):
        raise Invalid(
            "a subset goes from a number to a greater one",
            field="subset",
            mend="give such as Lat(60.1:60.2)",
        )
    return low, high


def subsets(given: Mapping[str, str]) -> dict[str, str]:
    """The axes that ``subset`` names, in lower case, with what stands in their brackets."""
    text = given.get("subset")
    if not text:
        return {}
    found: dict[str, str] = {}
    for part in re.split(r",(?![^(]*\))", text):
        match = _SUBSET.fullmatch(part)
        axis = match[1].lower() if match else ""
        if match is None or axis not in _EAST | _NORTH | {"time"} or axis in found:
            raise Invalid(
                "“{text}” is no subset",
                field="subset",
                mend="give such as Lat(60.1:60.2),Lon(24.9:25.0)",
                text=part[:60],
            )
        inside = match[2].replace('"', "")
        found[axis] = _times(inside) if axis == "time" else inside
    return found


def _times(text: str) -> str:
    """``a:b`` of times as an interval; the colons within a time are not those between two."""
    found = re.fullmatch(r"(\d{4}-\d{2}-\d{2}(?:T[^:]*:\d{2}:\d{2}[^:]*)?):(\d{4}.*)", text)
    return f"{found[1]}/{found[2]}" if found else text


def sizes(given: Mapping[str, str], most: int) -> tuple[int | None, int | None]:
    """Width and height asked for (``width``, ``height`` or ``scale-size``); ``None`` where not."""
    width = _side(given, "width", most)
    height = _side(given, "height", most)
    for part in (given.get("scale-size") or "").split(",") if "scale-size" in given else []:
        match = _SCALE.fullmatch(part)
        axis = match[1].lower() if match else ""
        if match is None or axis not in _EAST | _NORTH or not 1 <= int(match[2]) <= most:
            raise Invalid(
                "“{text}” is no size",
                field="scale-size",
                mend="give such as Lon(512),Lat(512), at most {most}",
                text=part[:60],
                most=most,
            )
        if axis in _EAST:
            width = int(match[2])
        else:
            height = int(match[2])
    return width, height


def _side(given: Mapping[str, str], name: str, most: int) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,9}", text) or not 1 <= int(text) <= most:
        raise Invalid(
            "“{text}” pixels cannot be drawn",
            field=name,
            mend="give from 1 to {most}",
            text=text[:20],
            most=most,
        )
    return int(text)


def scale_factor(given: Mapping[str, str]) -> float:
    """By how much pixels are larger than they were (Coverages, scaling); 1 when not given."""
    text = given.get("scale-factor", "1")
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not (isfinite(found) and 1e-3 <= found <= 1e6):
        raise Invalid(
            "“{text}” is no factor",
            field="scale-factor",
            mend="give such as 2 for pixels of twice the side",
            text=text[:20],
        )
    return found
