"""Interfaces of strangers looked at over HTTP: what they offer, and what lies, swells or hangs."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from harvesting_node import Harvesting
from remote import Remote, Said

from quanyu.catalogue import draft_of_proposal, probe_service, save_draft
from quanyu.catalogue.harvest.fetch import Reach
from quanyu.kernel import Invalid, Refused, TooLarge, Unavailable

REACH = Reach(allow_private=True)
XML = "application/xml"

WFS = """<?xml version="1.0" encoding="UTF-8"?>
<wfs:WFS_Capabilities version="2.0.0" xmlns:wfs="http://www.opengis.net/wfs/2.0"
  xmlns:ows="http://www.opengis.net/ows/1.1" xmlns:t="urn:t">
 <ows:ServiceIdentification><ows:Title>Roads of the town</ows:Title></ows:ServiceIdentification>
 <ows:OperationsMetadata><ows:Operation name="GetFeature"><ows:Parameter name="outputFormat">
  <ows:AllowedValues><ows:Value>application/gml+xml; version=3.2</ows:Value>
  <ows:Value>geojson</ows:Value></ows:AllowedValues></ows:Parameter></ows:Operation>
 </ows:OperationsMetadata>
 <wfs:FeatureTypeList>
  <wfs:FeatureType><wfs:Name>t:roads</wfs:Name><wfs:Title>道路中心线</wfs:Title>
   <wfs:Abstract>全市道路 &lt;b&gt;中心线&lt;/b&gt;</wfs:Abstract>
   <ows:Keywords><ows:Keyword>road</ows:Keyword><ows:Keyword>road</ows:Keyword></ows:Keywords>
   <wfs:DefaultCRS>urn:ogc:def:crs:EPSG::4490</wfs:DefaultCRS>
   <ows:WGS84BoundingBox><ows:LowerCorner>116.1 39.7</ows:LowerCorner>
    <ows:UpperCorner>116.7 40.1</ows:UpperCorner></ows:WGS84BoundingBox></wfs:FeatureType>
  <wfs:FeatureType><wfs:Name>u:roads</wfs:Name><wfs:Title>Roads, older</wfs:Title>
   <ows:WGS84BoundingBox><ows:LowerCorner>900 nan</ows:LowerCorner>
    <ows:UpperCorner>1 2</ows:UpperCorner></ows:WGS84BoundingBox></wfs:FeatureType>
  <wfs:FeatureType><wfs:Title>Without a name</wfs:Title></wfs:FeatureType>
 </wfs:FeatureTypeList></wfs:WFS_Capabilities>"""

WMS = """<?xml version="1.0" encoding="UTF-8"?>
<WMS_Capabilities version="1.3.0" xmlns="http://www.opengis.net/wms">
 <Service><Name>WMS</Name><Title>Maps of the town</Title></Service>
 <Capability><Request><GetMap><Format>image/jpeg</Format><Format>image/png</Format></GetMap>
 </Request>
 <Layer><Title>All</Title>
  <EX_GeographicBoundingBox><westBoundLongitude>24</westBoundLongitude>
   <eastBoundLongitude>26</eastBoundLongitude><southBoundLatitude>60</southBoundLatitude>
   <northBoundLatitude>61</northBoundLatitude></EX_GeographicBoundingBox>
  <Layer><Name>base</Name>
   <Layer><Name>water</Name><Title>Water</Title><Abstract>Lakes and rivers</Abstract>
    <KeywordList><Keyword>lake</Keyword></KeywordList>
    <Style><Name>s</Name><Title>Blue</Title><Abstract>In blue</Abstract></Style></Layer>
  </Layer></Layer></Capability></WMS_Capabilities>"""


def serve(remote: Remote, path: str, text: str, kind: str = XML) -> None:
    remote.routes[path] = lambda _q, _b: (200, kind, text.encode())


def query_of(address: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(address).query, True).items()}


def test_wfs(remote: Remote) -> None:
    serve(remote, "/wfs", WFS)
    whole = f"{remote.url}/wfs?map=/srv/t.map&SERVICE=WFS&Request=GetCapabilities&version=2.0.0"
    found = probe_service(whole, REACH)
    assert (found.kind, found.title) == ("WFS", "Roads of the town")
    roads, older = found.offered
    assert roads.title.zh == "道路中心线"
    assert roads.abstract is not None
    assert roads.abstract.zh == "全市道路 中心线"
    assert roads.keywords == ("road",)
    assert roads.bbox == (116.1, 39.7, 116.7, 40.1)
    assert roads.crs == "urn:ogc:def:crs:EPSG::4490"
    [served] = roads.distributions
    assert parse_qs(urlsplit(served.url).query)["request"] == ["GetFeature"]
    assert query_of(served.url) == {
        "map": "/srv/t.map", "service": "WFS", "version": "2.0.0", "request": "GetFeature",
        "typeNames": "t:roads", "outputFormat": "geojson",
    }  # fmt: skip
    # Two of one name are told apart; a box that is none is left out.
    assert (roads.slug, older.slug) == ("roads", "roads-2")
    assert older.bbox is None


def test_wfs_of_older_versions(remote: Remote) -> None:
    old = """<WFS_Capabilities version="1.0.0" xmlns="http://www.opengis.net/wfs"><Service>
      <Title>Old</Title></Service><FeatureTypeList><FeatureType><Name>lamps</Name><SRS>EPSG:4326</SRS>
      <LatLongBoundingBox minx="1" miny="2" maxx="3" maxy="4"/></FeatureType></FeatureTypeList>
      </WFS_Capabilities>"""
    serve(remote, "/wfs", old)
    [lamps] = probe_service(f"{remote.url}/wfs", REACH).offered
    assert (lamps.bbox, lamps.crs) == ((1, 2, 3, 4), "EPSG:4326")
    asked = query_of(lamps.distributions[0].url)
    assert asked["typeName"] == "lamps"
    assert "outputFormat" not in asked  # none of JSON is named


def test_wms(remote: Remote) -> None:
    """Layers within layers: each with its own words and the extent that it inherits."""
    serve(remote, "/wms", WMS)
    found = probe_service(f"{remote.url}/wms", REACH)
    assert (found.kind, found.title) == ("WMS", "Maps of the town")
    base, water = found.offered
    assert base.title.en == "Base"
    assert base.abstract is None  # what is said of the water is not said of the base
    assert base.keywords == ()
    assert water.title.en == "Water"
    assert water.abstract is not None
    assert water.abstract.en == "Lakes and rivers"
    assert base.bbox == water.bbox == (24, 60, 26, 61)
    picture = query_of(water.distributions[0].url)
    assert picture == {
        "service": "WMS", "version": "1.3.0", "request": "GetMap", "layers": "water", "styles": "",
        "crs": "CRS:84", "bbox": "24,60,26,61", "width": "800", "height": "400",
        "format": "image/png",
    }  # fmt: skip


def test_asked_for_what_it_can_do(remote: Remote) -> None:
    """An address that answers nothing by itself is asked as WFS, WMS and CSW in turn."""

    def only_wms(query: dict[str, str], _body: bytes) -> Said:
        if query.get("service") == "WMS" and query.get("request") == "GetCapabilities":
            return 200, XML, WMS.encode()
        return 400, XML, b"<ows:ExceptionReport xmlns:ows='http://www.opengis.net/ows'/>"

    remote.routes["/ows"] = only_wms
    assert probe_service(f"{remote.url}/ows?token=1", REACH).kind == "WMS"
    assert all("token=1" in one for one in remote.asked)
    serve(remote, "/csw", '<c:Capabilities xmlns:c="http://www.opengis.net/cat/csw/2.0.2"/>')
    with pytest.raises(Invalid) as caught:
        probe_service(f"{remote.url}/csw", REACH)
    assert "harvest" in str(caught.value.mend)
    serve(remote, "/wmts", '<Capabilities xmlns="http://www.opengis.net/wmts/1.0"/>')
    with pytest.raises(Invalid, match="no interface that is known"):
        probe_service(f"{remote.url}/wmts", REACH)


def sensorthings(remote: Remote, streams: list[Any], page: int = 200, **said: Any) -> str:
    """A SensorThings under ``/sta/v1.1`` that gives so many at once."""
    root = f"{remote.url}/sta/v1.1"
    sets = [{"name": name, "url": f"{root}/{name}"} for name in ("Things", "Datastreams")]
    remote.json("/sta/v1.1", {"value": sets})

    def datastreams(query: dict[str, str], _body: bytes) -> Said:
        start = int(query.get("$skip", 0))
        document: dict[str, Any] = {"value": streams[start : start + page]}
        if query.get("$count") == "true":
            document["@iot.count"] = len(streams)
        if start + page < len(streams):
            document["@iot.nextLink"] = f"{root}/Datastreams?$skip={start + page}"
        return 200, "application/json", json.dumps(document | said).encode()

    remote.routes["/sta/v1.1/Datastreams"] = datastreams
    return root


def datastream(number: int, **more: Any) -> dict[str, Any]:
    return {
        "@iot.id": number,
        "name": f"PM2.5 at station {number}",
        "description": "Fine dust in the air",
        "unitOfMeasurement": {"name": "microgram", "symbol": "ug/m3", "definition": "ucum:ug/m3"},
        "observedArea": {"type": "Point", "coordinates": [116.4, 39.9]},
        "phenomenonTime": "2020-01-01T00:00:00Z/2024-12-31T23:00:00Z",
        "ObservedProperty": {"name": "PM2.5"},
        **more,
    }


def test_sensorthings(remote: Remote) -> None:
    root = sensorthings(remote, [datastream(n) for n in range(250)], page=90)
    found = probe_service(root, REACH)
    assert found.kind == "SensorThings"
    assert len(found.offered) == 200
    assert len({one.slug for one in found.offered}) == 200
    [note] = found.notes
    assert note["params"] == {"most": 200, "count": 250}
    first = found.offered[0]
    assert first.title.en == "PM2.5 at station 0"
    assert first.themes == ("environment",)
    assert first.bbox == (116.4, 39.9, 116.4, 39.9)
    assert first.interval[0] is not None
    assert [one.unit for one in first.fields] == ["", "ug/m3"]
    assert first.distributions[0].url == f"{root}/Datastreams(0)/Observations"


def test_sensorthings_that_lies(remote: Remote) -> None:
    """Wrong types everywhere, and a next page that is this one, for ever."""
    streams = [
        datastream(1, **{"@iot.id": "it's"}, name=None, ObservedProperty=[], phenomenonTime=7,
                   unitOfMeasurement="m", observedArea={"type": "Point", "coordinates": {}}),
        datastream(2, **{"@iot.selfLink": "javascript:alert(1)"}, description=["x"],
                   observedArea={"type": "Polygon", "coordinates": [[[1e300, "a"]]]}),
        "no object",
    ]  # fmt: skip
    root = sensorthings(remote, streams)
    endless = f"{root}/Datastreams?$skip=0"
    sensorthings(remote, streams, **{"@iot.nextLink": endless, "@iot.count": "many"})
    one, two, *more = probe_service(root, REACH).offered
    assert one.distributions[0].url == f"{root}/Datastreams('it''s')/Observations"
    assert two.distributions[0].url == f"{root}/Datastreams(2)/Observations"
    assert one.bbox is None
    assert two.bbox is None
    assert len(more) == 2  # the second page, once
    remote.json("/sta/v1.1", {"value": [{"name": "Datastreams", "url": "http://[broken"}]})
    with pytest.raises(Invalid, match="no interface that is known"):
        probe_service(root, REACH)


def collections(*members: Any) -> dict[str, Any]:
    return {"title": "<b>Town</b>" + "x" * 5_000, "collections": list(members)}


def test_ogc_api_that_lies(harvesting: Harvesting, remote: Remote) -> None:
    odd = {
        "id": "//[",
        "title": {"en": "x"},
        "description": 7,
        "keywords": 5,
        "storageCrs": [],
        "extent": {"spatial": {"bbox": [["a", 1, 2, 3]]}, "temporal": {"interval": 1}},
        "links": [
            {"rel": "items", "href": "javascript:alert(1)", "type": "application/geo+json"},
            {"rel": "enclosure", "href": "http://[x", "title": ["t"]},
            {"rel": "enclosure", "href": "file:///etc/passwd"},
            {"rel": ["items"], "href": 5},
            "none",
        ],
    }
    good = {
        "id": "trees",
        "title": "Trees <script>alert(1)</script>",
        "keywords": ["tree", "tree", 4, None],
        "extent": {"spatial": {"bbox": [[24, 60, 0, 26, 61, 90]]}},
        "links": [{"rel": "items", "href": "trees/items", "type": "application/geo+json"}],
    }
    remote.json("/api/collections", collections(odd, good, "none", {"id": ""}, {"id": "trees"}))
    remote.json("/api", {"links": [{"rel": "data", "href": "/api/collections"}]})
    found = probe_service(f"{remote.url}/api", REACH)
    assert found.title.startswith("Town")
    assert len(found.title) <= 300
    strange, trees, again = found.offered
    assert strange.distributions == ()
    assert strange.bbox is None
    assert trees.title.en == "Trees"
    assert trees.keywords == ("tree", "4")
    assert trees.bbox == (24, 60, 26, 61)
    assert trees.distributions[0].url == f"{remote.url}/api/trees/items"
    assert again.slug == "trees-2"
    # What is proposed can be put down as it is.
    with harvesting.control.begin() as session:
        for one in found.offered:
            save_draft(session, draft_of_proposal(one, harvesting.office.id), harvesting.steward)


def test_secrets_of_an_address_stay_here(remote: Remote) -> None:
    asked: list[str] = []
    listing = json.dumps(collections({"id": "a", "links": [{"rel": "items", "href": "a/items"}]}))
    for path, text, kind in (
        ("/c", listing, "application/json"),
        ("/l", '{"links": [{"rel": "data", "href": "/c"}]}', "application/json"),
        ("/wfs", WFS, XML),
        ("/wms", WMS, XML),
    ):
        serve(remote, path, text, kind)
    sensorthings(remote, [datastream(1)])
    host = remote.url.partition("//")[2]
    for path in ("/c", "/l", "/wfs", "/wms", "/sta/v1.1"):
        found = probe_service(f"http://reader:hunter2@{host}{path}", REACH)
        asked.append(repr(found))
        assert found.offered
    assert not any("hunter2" in one or "reader" in one for one in asked)


@pytest.mark.parametrize(
    "text",
    [
        WFS[:900],
        '<!DOCTYPE a [<!ENTITY x "y">]><WFS_Capabilities>&x;</WFS_Capabilities>',
        "<WFS_Capabilities>" + "<a>" * 5_000,
        '<?xml version="1.0" encoding="utf-16"?><WFS_Capabilities/>',
        "{" * 50_000,
        '{"value": [' + "[" * 200 + "]" * 200 + "]}",
        '{"collections": {}}',
        '{"value": []}',
        "[]",
        "null",
        "",
        "<!DOCTYPE html><html><title>Sign in</title></html>",
    ],
)
def test_broken(remote: Remote, text: str) -> None:
    serve(remote, "/x", text, "application/octet-stream")
    with pytest.raises(Invalid) as caught:
        probe_service(f"{remote.url}/x", REACH)
    assert caught.value.field
    assert caught.value.mend
    assert len(remote.asked) <= 4


@pytest.mark.parametrize("url", ["http://[::1", "http://", "ftp://a/b", "javascript:alert(1)", "x"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(Invalid) as caught:
        probe_service(url, REACH)
    assert caught.value.field == "url"


def test_huge(remote: Remote) -> None:
    many = "".join(f"<FeatureType><Name>t{n}</Name></FeatureType>" for n in range(60_000))
    serve(remote, "/many", f"<WFS_Capabilities>{many}</WFS_Capabilities>")
    begun = time.process_time()
    found = probe_service(f"{remote.url}/many", REACH)
    assert len(found.offered) == 200
    assert found.notes[0]["params"] == {"most": 200, "count": 60_000}
    assert time.process_time() - begun < 10
    small = Reach(allow_private=True, max_bytes=1 << 16)
    with pytest.raises(TooLarge):
        probe_service(f"{remote.url}/many", small)

    def swells_when_asked(query: dict[str, str], _body: bytes) -> Said:
        return (200, XML, b"<a>" * (1 << 16)) if "service" in query else (404, "text/plain", b"no")

    remote.routes["/later"] = swells_when_asked
    remote.asked.clear()
    with pytest.raises(TooLarge):
        probe_service(f"{remote.url}/later", small)
    assert len(remote.asked) == 2  # not once more for each kind of service


def test_slow(remote: Remote) -> None:
    """Who does not answer in time is not asked again as something else."""
    done = threading.Event()

    def hangs(query: dict[str, str], _body: bytes) -> Said:
        if "service" not in query:
            return 404, "text/plain", b"no"
        done.wait(20)
        return 200, XML, WFS.encode()

    remote.routes["/slow"] = hangs
    begun = time.monotonic()
    try:
        with pytest.raises(Unavailable):
            probe_service(f"{remote.url}/slow", Reach(allow_private=True, whole_seconds=0.5))
    finally:
        done.set()
    assert time.monotonic() - begun < 10
    assert len(remote.asked) == 2


def redirect(remote: Remote, path: str, where: str) -> None:
    remote.routes[path] = lambda _q, _b: (302, "text/plain", where.encode())


def test_redirects(remote: Remote) -> None:
    """Links are read against where the answer came from in the end."""
    other = Remote().start()
    try:
        member = {"id": "a", "links": [{"rel": "items", "href": "a/items"}]}
        other.json("/new/collections", collections(member))
        redirect(remote, "/old", f"{other.url}/new/collections")
        [one] = probe_service(f"{remote.url}/old", REACH).offered
        assert one.distributions[0].url == f"{other.url}/new/a/items"
    finally:
        other.stop()
    redirect(remote, "/loop", "/loop")
    redirect(remote, "/broken", "http://[")
    redirect(remote, "/file", "file:///etc/passwd")
    for path in ("/loop", "/broken", "/file"):
        with pytest.raises(Invalid) as caught:
            probe_service(f"{remote.url}{path}", REACH)
        assert caught.value.field == "url"


def links_inside(remote: Remote, inner: str) -> None:
    remote.json("/st", {"value": [{"name": "Datastreams", "url": f"{inner}/Datastreams"}]})
    remote.json("/api", {"links": [{"rel": "data", "href": f"{inner}/collections"}]})
    redirect(remote, "/go", f"{inner}/wfs")


@pytest.mark.parametrize("path", ["/st", "/api", "/go"])
def test_nobody_is_led_into_private_networks(
    remote: Remote, only_first_host_public: Callable[[], list[str]], path: str
) -> None:
    inner = Remote().start()
    try:
        links_inside(remote, inner.url)
        checked = only_first_host_public()
        with pytest.raises(Refused) as caught:
            probe_service(f"{remote.url}{path}", Reach())
        assert caught.value.rule == "fetch.private"
        assert len(checked) == 2
        assert inner.asked == []
    finally:
        inner.stop()
