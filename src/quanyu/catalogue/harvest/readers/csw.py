"""CSW: ``GetRecords`` by position; version 2.0.2 by POST, 3.0.0 by GET; ISO 19115,
else Dublin Core.

Which version and schema a source gives is found out with the first page and kept in the cursor.
"""

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from xml.sax.saxutils import quoteattr

from quanyu.catalogue.harvest.fetch import Reach, fetch, odd_answer
from quanyu.catalogue.harvest.model import SourceSettings
from quanyu.catalogue.harvest.readers.page import Cursor, SourcePage, page_of, whole_number
from quanyu.kernel import Answered, Invalid

_GMD = "http://www.isotc211.org/2005/gmd"
_CSW = {
    "2.0.2": "http://www.opengis.net/cat/csw/2.0.2",
    "3.0.0": "http://www.opengis.net/cat/csw/3.0",
}
_WAYS = (("2.0.2", "iso"), ("3.0.0", "iso"), ("2.0.2", "dc"), ("3.0.0", "dc"))


def read(url: str, settings: SourceSettings, cursor: Cursor | None, reach: Reach) -> SourcePage:
    """A page of records; raises as ``fetch`` does, with what the source itself says is wrong."""
    if cursor:
        return _page(url, settings, cursor, reach)
    refused: Invalid | None = None
    for version, schema in _WAYS:
        try:
            start = {"start": 1, "version": version, "schema": schema}
            page = _page(url, settings, start, reach)
        except Invalid as error:
            refused = refused or error
            continue
        if page.entries or page.rejects or not page.total:
            return page
    raise refused or odd_answer("no schema is given that is read here")


def _page(url: str, settings: SourceSettings, cursor: Cursor, reach: Reach) -> SourcePage:
    from quanyu.catalogue.exchange import from_iso

    version, start = str(cursor["version"]), int(cursor["start"])
    output = _GMD if cursor["schema"] == "iso" else _CSW[version]
    size = min(settings.page_size, 200)
    if version == "2.0.2":
        body = _get_records(output, start, size).encode()
        answer = fetch(
            _bare(url), reach, accept="application/xml", content=body,
            content_type="application/xml",
        )  # fmt: skip
    else:
        answer = fetch(_by_get(url, output, start, size), reach, accept="application/xml")
    said = _results(answer)
    parsed = from_iso(answer.content)
    total = whole_number(said.get("numberOfRecordsMatched"))
    after = whole_number(said.get("nextRecord")) or 0
    given = len(parsed.entries) + len(parsed.rejects)
    more = after > start and given > 0 and (total is None or after <= total)
    return page_of(parsed, {**cursor, "start": after} if more else None, total)


def _get_records(output: str, start: int, size: int) -> str:
    names = "gmd:MD_Metadata" if output == _GMD else "csw:Record"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<csw:GetRecords xmlns:csw="{_CSW["2.0.2"]}" xmlns:gmd="{_GMD}" '
        'xmlns:ogc="http://www.opengis.net/ogc" '
        'service="CSW" version="2.0.2" resultType="results" outputFormat="application/xml" '
        f'outputSchema={quoteattr(output)} startPosition="{start}" maxRecords="{size}">'
        f'<csw:Query typeNames="{names}"><csw:ElementSetName>full</csw:ElementSetName>'
        "</csw:Query></csw:GetRecords>"
    )


def _by_get(url: str, output: str, start: int, size: int) -> str:
    parts = urlsplit(url)
    given = [(k, v) for k, v in parse_qsl(parts.query) if k.lower() not in _OURS]
    query = {
        "service": "CSW",
        "version": "3.0.0",
        "request": "GetRecords",
        "typeNames": "gmd:MD_Metadata" if output == _GMD else "csw:Record",
        "namespace": f"xmlns(gmd={_GMD})",
        "elementSetName": "full",
        "resultType": "results",
        "outputSchema": output,
        "startPosition": str(start),
        "maxRecords": str(size),
    }
    return urlunsplit(parts._replace(query=urlencode([*given, *query.items()])))


_OURS = frozenset({"service", "version", "request", "acceptversions"})


def _bare(url: str) -> str:
    """The address without a request's own parameters, which people paste with it."""
    parts = urlsplit(url)
    given = [(k, v) for k, v in parse_qsl(parts.query) if k.lower() not in _OURS]
    return urlunsplit(parts._replace(query=urlencode(given)))


def _results(answer: Answered) -> dict[str, Any]:
    """The attributes of ``SearchResults``; an ``ExceptionReport`` is raised as what it says."""
    from quanyu.catalogue.exchange.safe import read_xml

    root = read_xml(answer.content)
    local = str(root.tag).rpartition("}")[2]
    if local == "ExceptionReport":
        raise odd_answer(
            " ".join(" ".join(map(str, root.itertext())).split()) or "an exception report"
        )
    for element in root.iter():
        if str(element.tag).rpartition("}")[2] == "SearchResults":
            return {str(name): str(value) for name, value in element.attrib.items()}
    raise odd_answer(f"<{local}> has no SearchResults")
