"""What WFS, WMS and CSW say that they offer."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from quanyu.catalogue.harvest.mapping import plain
from quanyu.catalogue.harvest.reasons import because
from quanyu.catalogue.model import Bbox, Distribution
from quanyu.catalogue.probe.guessing import slug_from, themes_of, title_of
from quanyu.catalogue.probe.model import Proposal, ServiceFound
from quanyu.kernel import Invalid, LocalText

_MOST = 200
_KINDS = {"WFS_Capabilities": "WFS", "WMS_Capabilities": "WMS", "WMT_MS_Capabilities": "WMS",
          "Capabilities": "CSW"}  # fmt: skip


def parsed_capabilities(content: bytes) -> Any | None:
    """The root of a capabilities document, ``None`` for other XML; ``Invalid`` for broken XML."""
    from quanyu.catalogue.exchange.safe import read_xml

    root = read_xml(content)
    return root if _local(root) in _KINDS else None


def from_capabilities(root: Any, url: str) -> ServiceFound:
    """What the interface offers: feature types, layers; a CSW is a source to harvest."""
    kind = _KINDS[_local(root)]
    title = plain(_text_of(root, "Title"))[:300]
    if kind == "CSW":
        raise Invalid(
            "this is a catalogue service (CSW)",
            field="url",
            mend="harvest it as a source: its records become entries",
        )
    offered = list(_wfs(root, url) if kind == "WFS" else _wms(root, url))
    notes = (because("only the first {most} of {count} are shown; harvest it as a source",
                     most=_MOST, count=len(offered)),) if len(offered) > _MOST else ()  # fmt: skip
    return ServiceFound(kind, title, url, tuple(offered[:_MOST]), notes)


def _wfs(root: Any, url: str) -> Iterator[Proposal]:
    for one in _each(root, "FeatureType"):
        name = _text_of(one, "Name")
        if name:
            query = {"service": "WFS", "version": "2.0.0", "request": "GetFeature",
                     "typeNames": name, "outputFormat": "application/json"}  # fmt: skip
            yield _proposal(one, name, "WFS", _asking(url, query), _wgs84(one))


def _wms(root: Any, url: str) -> Iterator[Proposal]:
    for one in _each(root, "Layer"):
        name = next((_text(inner) for inner in one if _local(inner) == "Name"), "")
        if name:
            query = {"service": "WMS", "version": "1.3.0", "request": "GetMap", "layers": name}
            yield _proposal(one, name, "WMS", _asking(url, query), _geographic(one))


def _proposal(one: Any, name: str, kind: str, address: str, bbox: Bbox | None) -> Proposal:
    title = title_of(name, plain(_text_of(one, "Title"))[:200])
    about = plain(_text_of(one, "Abstract"))[:20_000]
    words = tuple(plain(_text(word))[:100] for word in _each(one, "Keyword"))
    chinese = any("\u4e00" <= c <= "\u9fff" for c in about)
    abstract = (LocalText(zh=about) if chinese else LocalText(en=about)) if about else None
    return Proposal(
        source=address.partition("?")[0] + f" · {name}",
        slug=slug_from(name.rpartition(":")[2], title.en),
        title=title,
        abstract=abstract,
        keywords=tuple(word for word in dict.fromkeys(words) if word)[:50],
        themes=themes_of((title.zh, title.en, about, *words)),
        bbox=bbox,
        crs=_text_of(one, "DefaultCRS") or _text_of(one, "DefaultSRS"),
        formats=(kind,),
        distributions=(Distribution(address, None, kind, api=True),),
        notes=(because("read from its {kind}", kind=kind),),
    )


def _asking(url: str, query: dict[str, str]) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="&".join(filter(None, [parts.query, urlencode(query)]))))


def _wgs84(one: Any) -> Bbox | None:
    for box in _each(one, "WGS84BoundingBox"):
        return _box([*_text_of(box, "LowerCorner").split(), *_text_of(box, "UpperCorner").split()])
    return None


def _geographic(one: Any) -> Bbox | None:
    names = ("westBoundLongitude", "southBoundLatitude", "eastBoundLongitude",
             "northBoundLatitude")  # fmt: skip
    for box in _each(one, "EX_GeographicBoundingBox"):
        return _box([_text_of(box, name) for name in names])
    for box in _each(one, "LatLonBoundingBox"):
        return _box([box.get(name, "") for name in ("minx", "miny", "maxx", "maxy")])
    return None


def _box(said: list[str]) -> Bbox | None:
    try:
        west, south, east, north = map(float, said)
    except ValueError:
        return None
    good = -180 <= west <= east <= 180 and -90 <= south <= north <= 90
    return (west, south, east, north) if good else None


def _each(element: Any, name: str) -> Iterator[Any]:
    return (one for one in element.iter() if _local(one) == name)


def _text_of(element: Any, name: str) -> str:
    return next((_text(one) for one in _each(element, name)), "")


def _text(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]
