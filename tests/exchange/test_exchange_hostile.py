"""Documents that are broken, wrongly encoded, swollen or hostile: told clearly, none fetched."""

import socket
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from quanyu.catalogue import (
    Parsed,
    from_ckan,
    from_dcat,
    from_iso,
    from_schema_org,
    loads,
    to_dcat,
)
from quanyu.catalogue.exchange.safe import MOST_BYTES
from quanyu.kernel import Invalid, LocalText, TooLarge

ISO = """<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd"
 xmlns:gco="http://www.isotc211.org/2005/gco">
<gmd:fileIdentifier><gco:CharacterString>one</gco:CharacterString></gmd:fileIdentifier>
<gmd:identificationInfo><gmd:MD_DataIdentification><gmd:citation><gmd:CI_Citation>
<gmd:title><gco:CharacterString>{title}</gco:CharacterString></gmd:title>
</gmd:CI_Citation></gmd:citation></gmd:MD_DataIdentification></gmd:identificationInfo>
</gmd:MD_Metadata>"""
PREFIXES = (
    "@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .\n"
)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_rest: Any) -> None:
        raise AssertionError("a document made the reader open a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def only_title(parsed: Parsed) -> LocalText:
    assert not parsed.rejects
    (entry,) = parsed.entries
    return entry.title


@pytest.mark.parametrize(
    ("encoding", "declaration"),
    [
        ("gb18030", '<?xml version="1.0" encoding="GB18030"?>'),
        ("gbk", '<?xml version="1.0" encoding="gb2312"?>'),
        ("gb18030", ""),
        ("utf-8", ""),
        ("utf-8-sig", '<?xml version="1.0" encoding="UTF-8"?>'),
        ("utf-16", '<?xml version="1.0" encoding="UTF-16"?>'),
    ],
)
def test_chinese_is_read_in_every_encoding(encoding: str, declaration: str) -> None:
    data = (declaration + ISO.format(title="城市道路数据")).encode(encoding)
    assert only_title(from_iso(data)).zh == "城市道路数据"


def test_an_encoding_that_is_not_so_is_named() -> None:
    for name in ("ascii-art", "base64", "utf-8"):
        data = f'<?xml version="1.0" encoding="{name}"?>'.encode() + b"<a>\xff\xff\xff</a>"
        with pytest.raises(Invalid) as told:
            from_iso(data)
        assert told.value.field == "document"
        assert told.value.mend


LAUGHS = (
    '<!DOCTYPE a [<!ENTITY a "ha">'
    + "".join(
        f'<!ENTITY {chr(98 + n)} "&{chr(97 + n)};&{chr(97 + n)};&{chr(97 + n)};&{chr(97 + n)};">'
        for n in range(20)
    )
    + "]>"
)
BOMBS = [
    LAUGHS + "<a>&u;</a>",
    '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:1/x">%x;]><a/>',
    '<!-- <a> --><!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
]


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("form", ["iso", "rdf"])
def test_entities_are_refused_at_once(bomb: str, form: str) -> None:
    began = time.thread_time()
    with pytest.raises(Invalid) as told:
        from_iso(bomb.encode()) if form == "iso" else from_dcat(
            bomb.encode(), "application/rdf+xml"
        )
    assert "entities" in told.value.detail
    assert time.thread_time() - began < 1


def test_a_document_type_elsewhere_opens_nothing() -> None:
    data = '<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd">' + ISO.format(title="x")
    assert only_title(from_iso(data.encode())).en == "x"


@pytest.mark.parametrize(
    "read",
    [
        from_iso,
        loads,
        lambda data: from_dcat(data, "text/turtle"),
        lambda data: from_dcat(data, "application/ld+json"),
    ],
)
def test_a_hundred_megabytes_are_refused(read: Callable[[bytes], Any]) -> None:
    data = bytes(MOST_BYTES + 1)
    began = time.thread_time()
    with pytest.raises(TooLarge) as told:
        read(data)
    assert str(MOST_BYTES) in str(told.value)
    assert time.thread_time() - began < 1


@pytest.mark.parametrize(
    ("data", "form"),
    [
        ("{" * 9, "application/ld+json"),
        ("[" * 100_000, "application/ld+json"),
        ("[" * 500 + "]" * 500, "application/ld+json"),
        ("<a> <b> <c> .\n<a> <b", "text/turtle"),
        ("(" * 50_000, "text/turtle"),
        ("<rdf:RDF", "application/rdf+xml"),
        ("<a>" * 5000, "application/rdf+xml"),
        ("anything", "application/pdf"),
        ('{"@context": "https://evil.example/c.jsonld", "@id": "x"}', "application/ld+json"),
        ('{"@context": {"@import": "http://127.0.0.1/c"}, "@id": "x"}', "application/ld+json"),
        ('{"@context": {"a": {"@id": "b:c", "@context": "http://x/y"}}}', "application/ld+json"),
    ],
)
def test_broken_rdf_says_where_and_fetches_nothing(data: str, form: str) -> None:
    with pytest.raises(Invalid) as told:
        from_dcat(data.encode(), form)
    assert told.value.field
    assert told.value.mend


def test_the_line_of_an_error_is_told() -> None:
    with pytest.raises(Invalid) as told:
        from_dcat(b"<http://a> <http://b> <http://c> .\n\nnonsense here .", "text/turtle")
    assert "line 3" in str(told.value)
    with pytest.raises(Invalid) as told:
        loads(b'{"a": 1,\n "b": }')
    assert "line 2" in str(told.value)
    with pytest.raises(Invalid) as told:
        from_iso(b"<a>\n<b></a>")
    assert "line 2" in str(told.value)


def test_the_good_entries_of_a_page_are_taken() -> None:
    data = (
        PREFIXES
        + """
    <http://x/1> a dcat:Dataset ; dct:identifier "1" ; dct:title "One"@en .
    <http://x/2> a dcat:Dataset ; dct:identifier "1" ; dct:title "Again"@en .
    <http://x/3> a dcat:Dataset ; dct:identifier "3" .
    [] a dcat:Dataset ; dct:title "Nameless" .
    <http://x/4> a dcat:Dataset ; dct:title "Four"@en ;
      dcat:landingPage <javascript:alert(1)> ;
      dct:temporal [ dcat:startDate "soon" ; dcat:endDate "2020" ] ;
      dcat:distribution [ dcat:downloadURL <file:///etc/passwd> ] , [ dcat:accessURL <a.csv> ] .
    """
    )
    parsed = from_dcat(data.encode(), "text/turtle", base="https://data.example/catalog")
    assert [one.title.en for one in parsed.entries] == ["One", "Four"]
    assert {one.error.field for one in parsed.rejects} == {"identifier", "title"}
    four = parsed.entries[1]
    assert [one.url for one in four.distributions] == ["https://data.example/a.csv"]
    assert four.landing_page == ""
    assert four.interval[0] is None
    assert {one.error.field for one in parsed.notes} == {
        "distributions.url",
        "landing_page",
        "interval",
    }


def test_scripts_stay_texts_and_long_texts_are_cut() -> None:
    package = {
        "id": "x",
        "title": "<script>alert(1)</script>",
        "notes": "n" * 30_000 + "\0\u202e",
        "resources": [{"url": "javascript:alert(1)"}, {"url": "https://ok.example/a.csv"}],
    }
    parsed = from_ckan(package)
    (entry,) = parsed.entries
    assert entry.title.en == "<script>alert(1)</script>"
    assert entry.abstract is not None
    assert len(entry.abstract.en) == 20_000
    assert len(entry.distributions) == 1
    written = to_dcat([entry], "application/ld+json")
    assert b"alert(1)" in written
    assert orjson.loads(written)


def test_data_json_of_dcat_us_is_read() -> None:
    document = {
        "@context": "https://project-open-data.cio.gov/v1.1/schema/catalog.jsonld",
        "@type": "dcat:Catalog",
        "dataset": [
            {
                "@type": "dcat:Dataset",
                "identifier": "https://data.example/1",
                "title": "Parks",
                "description": "All parks",
                "keyword": ["parks"],
                "modified": "2026-01-02",
                "accessLevel": "public",
                "accrualPeriodicity": "R/P1M",
                "license": "https://creativecommons.org/licenses/by/4.0/",
                "spatial": "24.9,60.1,25.0,60.2",
                "temporal": "2020-01-01/2021-01-01",
                "publisher": {"@type": "org:Organization", "name": "City"},
                "contactPoint": {"fn": "Desk", "hasEmail": "mailto:desk@example.org"},
                "distribution": [
                    {"downloadURL": "https://data.example/1.csv", "mediaType": "text/csv"}
                ],
            }
        ],
    }
    (entry,) = from_dcat(orjson.dumps(document), "application/json").entries
    assert entry.title.en == "Parks"
    assert entry.licence == "CC-BY-4.0"
    assert entry.access == "open"
    assert entry.update_cycle == "monthly"
    assert entry.bbox == (24.9, 60.1, 25.0, 60.2)
    assert entry.distributions[0].format == "CSV"
    assert entry.publisher is not None
    assert entry.publisher.name.en == "City"
    assert entry.contact is not None
    assert entry.contact.email == "desk@example.org"


def test_schema_org_goes_no_deeper_than_it_must() -> None:
    deep: dict[str, Any] = {"@type": "Dataset", "name": "x", "url": "https://a.example/"}
    for _ in range(50):
        deep = {"@graph": [deep]}
    assert not from_schema_org(deep).entries


def test_a_csw_answer_gives_records_and_where_to_go_on() -> None:
    answer = f"""<csw:GetRecordsResponse xmlns:csw="http://www.opengis.net/cat/csw/2.0.2"
    xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dct="http://purl.org/dc/terms/"
    xmlns:ows="http://www.opengis.net/ows">
    <csw:SearchResults numberOfRecordsMatched="9" nextRecord="3">
    {ISO.format(title="ISO")}
    <csw:Record><dc:identifier>dc</dc:identifier><dc:title>Plain</dc:title>
    <dct:references>https://a.example/x.zip</dct:references>
    <ows:BoundingBox crs="urn:ogc:def:crs:EPSG:6.11:4326"><ows:LowerCorner>60 24</ows:LowerCorner>
    <ows:UpperCorner>61 25</ows:UpperCorner></ows:BoundingBox></csw:Record>
    </csw:SearchResults></csw:GetRecordsResponse>"""
    parsed = from_iso(answer.encode())
    assert [one.identifier for one in parsed.entries] == ["one", "dc"]
    assert parsed.entries[1].bbox == (24, 60, 25, 61)
    assert (parsed.next, parsed.total) == ("3", 9)
    refused = b"<ExceptionReport><Exception>no</Exception></ExceptionReport>"
    with pytest.raises(Invalid) as told:
        from_iso(refused)
    assert "no" in str(told.value)
    with pytest.raises(Invalid):
        from_iso(b"<html><body>hello</body></html>")
