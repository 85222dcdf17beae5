"""What WFS, WMS and CSW say that they offer."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

from quanyu.catalogue.harvest.reasons import because
from quanyu.catalogue.model import Bbox, Distribution
from quanyu.catalogue.probe.guessing import slug_from, themes_of, title_of
from quanyu.catalogue.probe.model import Proposal, ServiceFound
from quanyu.catalogue.probe.remarks import MOST, abstract_of, box_of, cut, line, words_of
from quanyu.kernel import Invalid

_KINDS = {"WFS_Capabilities": "WFS", "WMS_Capabilities": "WMS", "WMT_MS_Capabilities": "WMS",
          "Capabilities": "CSW"}  # fmt: skip
_CSW = "http://www.opengis.net/cat/csw"
_REQUEST = frozenset({"service", "request", "version"})
_DEGREES = ("westBoundLongitude", "southBoundLatitude", "eastBoundLongitude", "northBoundLatitude")
_PICTURE = 800
"""Width in pixels of the picture that the address of a layer gives."""


def parsed_capabilities(content: bytes) -> Any | None:
    """The root of a capabilities document, ``None`` for other XML; ``Invalid`` for broken XML."""
    from quanyu.catalogue.exchange.safe import read_xml

    root = read_xml(content)
    return root if _kind(root) else None


def without_request(url: str) -> str:
    """``url`` without what names a single request, so that others can be put."""
    parts = urlsplit(url)
    kept = [
        pair
        for pair in parts.query.split("&")
        if pair and unquote(pair.partition("=")[0]).lower() not in _REQUEST
    ]
    return urlunsplit(parts._replace(query="&".join(kept), fragment=""))


def from_capabilities(root: Any, url: str) -> ServiceFound:
    """What the interface offers: feature types, layers; a CSW is a source to harvest."""
    kind = _kind(root)
    if kind == "CSW":
        raise Invalid(
            "this is a catalogue service (CSW)",
            field="url",
            mend="harvest it as a source: its records become entries",
        )
    here = without_request(url)
    about = next((one for one in root if _local(one) in {"ServiceIdentification", "Service"}), ())
    if kind == "WFS":
        types = [one for one in _each(root, "FeatureType") if _said(one, "Name")]
        form = _json_form(root)
        offered = [_feature_type(one, here, root.get("version"), form) for one in types[:MOST]]
        return ServiceFound(kind, _said(about, "Title"), here, tuple(offered), cut(len(types)))
    layers = [(one, box) for one, box in _layers(root, None) if _said(one, "Name")]
    picture = _picture_form(root)
    pictures = [_layer(one, box, here, root, picture) for one, box in layers[:MOST]]
    return ServiceFound(kind, _said(about, "Title"), here, tuple(pictures), cut(len(layers)))


def _feature_type(one: Any, url: str, version: str | None, form: str) -> Proposal:
    name = _said(one, "Name")
    new = not (version or "").startswith("1.")
    query = {"service": "WFS", "version": line(version, 10) or "2.0.0", "request": "GetFeature",
             "typeNames" if new else "typeName": name}  # fmt: skip
    if form:
        query["outputFormat"] = form
    box = None
    for inner in one:
        if _local(inner) == "WGS84BoundingBox":
            box = box_of(
                [*_said(inner, "LowerCorner").split(), *_said(inner, "UpperCorner").split()]
            )
    return _proposal(one, "WFS", url, _asking(url, query), box or _geographic(one))


def _layers(element: Any, box: Bbox | None) -> Iterator[tuple[Any, Bbox | None]]:
    """Layers with their extents; a layer has that of the one that it is in, if none of its own."""
    for one in element:
        if _local(one) == "Layer":
            own = _geographic(one) or box
            yield one, own
            yield from _layers(one, own)
        elif _local(one) == "Capability":
            yield from _layers(one, box)


def _layer(one: Any, box: Bbox | None, url: str, root: Any, picture: str) -> Proposal:
    old = (root.get("version") or "").startswith("1.1") or _local(root) == "WMT_MS_Capabilities"
    query = {"service": "WMS", "version": "1.1.1" if old else "1.3.0"}
    if box is None or box[0] == box[2] or box[1] == box[3]:
        query |= {"request": "GetCapabilities"}
    else:
        wide, high = box[2] - box[0], box[3] - box[1]
        query |= {
            "request": "GetMap",
            "layers": _said(one, "Name"),
            "styles": "",
            "srs" if old else "crs": "EPSG:4326" if old else "CRS:84",
            "bbox": ",".join(f"{value:g}" for value in box),
            "width": str(_PICTURE),
            "height": str(round(min(max(_PICTURE * high / wide, 100), 2 * _PICTURE))),
            "format": picture,
        }
    return _proposal(one, "WMS", url, _asking(url, query), box)


def _proposal(one: Any, kind: str, url: str, address: str, bbox: Bbox | None) -> Proposal:
    name = _said(one, "Name")
    title = title_of(name, _said(one, "Title"))
    about = abstract_of(_said(one, "Abstract", 20_000))
    lists = (inner for inner in one if _local(inner) in {"Keywords", "KeywordList"})
    words = words_of([_text(word) for held in lists for word in held])
    said = (about.zh or about.en) if about else ""
    return Proposal(
        source=url.partition("?")[0] + f" · {name}",
        slug=slug_from(name.rpartition(":")[2], title.en),
        title=title,
        abstract=about,
        keywords=words,
        themes=themes_of((title.zh, title.en, said, *words)),
        bbox=bbox,
        crs=_said(one, "DefaultCRS") or _said(one, "DefaultSRS") or _said(one, "SRS"),
        formats=(kind,),
        distributions=(Distribution(address, None, kind, api=True),),
        notes=(because("read from its {kind}", kind=kind),),
    )


def _asking(url: str, query: dict[str, str]) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="&".join(filter(None, [parts.query, urlencode(query)]))))


def _json_form(root: Any) -> str:
    """The output format of a WFS that is JSON, as it names it; empty when it has none."""
    named = (_text(one) for one in root.iter() if _local(one) in {"Value", "Format"})
    return next((text for text in named if "json" in text.lower() and len(text) < 100), "")


def _picture_form(root: Any) -> str:
    named = [_text(one) for one in root.iter() if _local(one) == "Format"]
    pictures = [text for text in named if text.startswith("image/") and len(text) < 100]
    return next((text for text in pictures if text == "image/png"), (pictures or ["image/png"])[0])


def _geographic(one: Any) -> Bbox | None:
    for box in one:
        if _local(box) == "EX_GeographicBoundingBox":
            return box_of([_said(box, name) for name in _DEGREES])
        if _local(box) in {"LatLonBoundingBox", "LatLongBoundingBox"}:
            return box_of([box.get(name, "") for name in ("minx", "miny", "maxx", "maxy")])
    return None


def _kind(root: Any) -> str:
    kind = _KINDS.get(_local(root), "")
    # WMTS and others call their root “Capabilities” too.
    return "" if kind == "CSW" and _CSW not in str(root.tag) else kind


def _each(element: Any, name: str) -> Iterator[Any]:
    return (one for one in element.iter() if _local(one) == name)


def _said(element: Any, name: str, longest: int = 200) -> str:
    """What the child ``name`` says: never what deeper ones say of something else."""
    return next((line(_text(one), longest) for one in element if _local(one) == name), "")


def _text(element: Any) -> str:
    return "".join(element.itertext())


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]
