"""Dublin Core records of a CSW (OGC 07-006r1 10.2.5), namespaces already taken off."""

from lxml import etree

from quanyu.catalogue.codes import Kind
from quanyu.catalogue.exchange.said import Said, SaidDistribution, SaidPublisher

RECORDS = ("Record", "SummaryRecord", "BriefRecord")


def said_of_record(node: etree._Element) -> Said:
    """What a ``csw:Record`` says."""

    def every(*names: str) -> list[str]:
        found = (one for name in names for one in node.iterfind(name))
        return [text for one in found if (text := (one.text or "").strip())]

    def first(*names: str) -> str:
        return next(iter(every(*names)), "")

    links = [*node.iterfind("references"), *node.iterfind("URI")]
    return Said(
        identifier=first("identifier"),
        kind=Kind.SERVICE if first("type").lower() == "service" else Kind.DATASET,
        title=[("", text) for text in every("title")[:1]],
        abstract=[("", first("abstract", "description"))],
        keywords=every("subject"),
        licence=first("license", "rights"),
        access=every("accessRights"),
        bbox=_bbox(node),
        formats=every("format"),
        lineage=every("source"),
        publisher=SaidPublisher([("", name)]) if (name := first("publisher", "creator")) else None,
        issued=first("issued", "created", "date"),
        modified=first("modified"),
        language=every("language"),
        distributions=[
            SaidDistribution((one.text or "").strip(), format=_form(one.get("protocol", "")))
            for one in links
        ],
    )


def _form(protocol: str) -> str:
    return protocol.removeprefix("OGC:") if protocol.startswith("OGC:") else ""


def _bbox(node: etree._Element) -> list[float] | None:
    """Corners are latitude first when the CRS is ``urn:…EPSG::4326``, else longitude first."""
    for box in (*node.iterfind("BoundingBox"), *node.iterfind("WGS84BoundingBox")):
        try:
            low = [float(one) for one in (box.findtext("LowerCorner") or "").split()]
            high = [float(one) for one in (box.findtext("UpperCorner") or "").split()]
        except ValueError:
            continue
        if len(low) == len(high) == 2:
            turned = box.get("crs", "").startswith("urn:") and "4326" in box.get("crs", "")
            (x, y), (right, top) = (low[::-1], high[::-1]) if turned else (low, high)
            return [x, y, right, top]
    return None
