"""CSW in both versions, OGC API – Records from its landing page, STAC as API and static."""

from collections.abc import Callable
from urllib.parse import parse_qs

import pytest
from harvesting_node import Harvesting
from remote import Remote, Said
from sqlalchemy import MetaData

from quanyu.catalogue import RecordOutcome, RunState, SourceKind
from quanyu.kernel import ControlStore, Table

GMD, GCO = "http://www.isotc211.org/2005/gmd", "http://www.isotc211.org/2005/gco"


def iso(number: int) -> str:
    text = f'<gco:CharacterString xmlns:gco="{GCO}">'
    end = "</gco:CharacterString>"
    return (
        f'<gmd:MD_Metadata xmlns:gmd="{GMD}"><gmd:fileIdentifier>{text}urn:x:{number}{end}'
        "</gmd:fileIdentifier><gmd:identificationInfo><gmd:MD_DataIdentification><gmd:citation>"
        f"<gmd:CI_Citation><gmd:title>{text}Layer {number}{end}</gmd:title></gmd:CI_Citation>"
        f"</gmd:citation><gmd:abstract>{text}On {number}{end}</gmd:abstract>"
        "</gmd:MD_DataIdentification></gmd:identificationInfo></gmd:MD_Metadata>"
    )


def answer(namespace: str, start: int, size: int, total: int) -> bytes:
    records = "".join(iso(n) for n in range(start, min(start + size, total + 1)))
    after = start + size if start + size <= total else 0
    return (
        f'<csw:GetRecordsResponse xmlns:csw="{namespace}"><csw:SearchResults '
        f'numberOfRecordsMatched="{total}" numberOfRecordsReturned="{size}" nextRecord="{after}">'
        f"{records}</csw:SearchResults></csw:GetRecordsResponse>"
    ).encode()


def second(_query: dict[str, str], body: bytes) -> Said:
    """CSW 2.0.2, which takes its question as XML."""
    if b"GetRecords" not in body:
        return 400, "text/plain", b"POST GetRecords"
    start = int(body.partition(b'startPosition="')[2].partition(b'"')[0])
    return 200, "application/xml", answer("http://www.opengis.net/cat/csw/2.0.2", start, 2, 5)


def third(query: dict[str, str], body: bytes) -> Said:
    """CSW 3.0, which takes it as parameters and knows no other version."""
    if body or query.get("version") != "3.0.0":
        report = (
            b'<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/2.0">'
            b"<ows:Exception>VersionNegotiationFailed</ows:Exception></ows:ExceptionReport>"
        )
        return 200, "application/xml", report
    start = int(query["startPosition"])
    return 200, "application/xml", answer("http://www.opengis.net/cat/csw/3.0", start, 2, 5)


@pytest.mark.parametrize("way", [second, third])
def test_csw(
    harvesting: Harvesting, remote: Remote, way: Callable[[dict[str, str], bytes], Said]
) -> None:
    remote.routes["/csw"] = way
    run = harvesting.run(harvesting.add(SourceKind.CSW, f"{remote.url}/csw", page_size=2))
    assert run.state is RunState.DONE, run.problem
    assert run.counts == {RecordOutcome.ADDED: 5}, run.warnings
    assert [entry.title.en for entry in harvesting.entries()] == [f"Layer {n}" for n in range(1, 6)]


def test_csw_says_why_not(harvesting: Harvesting, remote: Remote) -> None:
    report = b"<ExceptionReport><Exception>no such thing</Exception></ExceptionReport>"
    remote.routes["/csw"] = lambda _q, _b: (200, "application/xml", report)
    run = harvesting.run(harvesting.add(SourceKind.CSW, f"{remote.url}/csw"))
    assert run.state is RunState.FAILED
    assert run.problem is not None
    assert "no such thing" in run.problem["params"]["why"]


def record(number: int) -> dict[str, object]:
    properties = {"type": "dataset", "title": f"Record {number}", "description": "x"}
    return {"id": f"urn:r:{number}", "type": "Feature", "geometry": None, "properties": properties}


def test_records_from_the_landing_page(harvesting: Harvesting, remote: Remote) -> None:
    items = f"{remote.url}/oapir/collections/all/items"
    remote.json("/oapir", {"links": [{"rel": "data", "href": "/oapir/collections"}]})
    collection = {"id": "all", "itemType": "record", "links": [{"rel": "items", "href": items}]}
    remote.json("/oapir/collections", {"collections": [{"id": "f"}, collection]})

    def page(query: dict[str, str], _body: bytes) -> Said:
        import json

        start = int(query.get("offset", "0"))
        found = [record(n) for n in range(start, min(start + 2, 5))]
        links = [{"rel": "next", "href": f"?offset={start + 2}&limit=2"}] if start + 2 < 5 else []
        said = {"type": "FeatureCollection", "numberMatched": 5, "features": found, "links": links}
        return 200, "application/geo+json", json.dumps(said).encode()

    remote.routes["/oapir/collections/all/items"] = page
    run = harvesting.run(harvesting.add(SourceKind.RECORDS, f"{remote.url}/oapir", page_size=2))
    assert run.state is RunState.DONE, run.problem
    assert run.counts == {RecordOutcome.ADDED: 5}
    assert run.pages == 3
    asked = [parse_qs(path.partition("?")[2]) for path in remote.asked if "/items" in path]
    assert asked[0]["limit"] == ["2"]


def stac(name: str) -> dict[str, object]:
    return {
        "type": "Collection", "stac_version": "1.1.0", "id": name, "title": name.title(),
        "description": f"Images of {name}", "license": "CC-BY-4.0",
        "extent": {"spatial": {"bbox": [[24, 60, 25, 61]]},
                   "temporal": {"interval": [["2024-01-01T00:00:00Z", None]]}},
        "links": [],
    }  # fmt: skip


def test_stac_api_and_static(harvesting: Harvesting, remote: Remote) -> None:
    data = {"rel": "data", "href": "/stac/collections"}
    remote.json("/stac", {"type": "Catalog", "stac_version": "1.1.0", "id": "c", "links": [data]})
    remote.json("/stac/collections", {"collections": [stac("one"), stac("two")], "links": []})
    run = harvesting.run(harvesting.add(SourceKind.STAC, f"{remote.url}/stac"))
    assert run.state is RunState.DONE, run.problem
    assert run.counts == {RecordOutcome.ADDED: 2}, harvesting.items(run)
    children = [{"rel": "child", "href": f"./{n}.json"} for n in ("a", "b")]
    root = {"type": "Catalog", "stac_version": "1.1.0", "id": "r", "links": children}
    remote.json("/s/catalog.json", root)
    remote.json("/s/a.json", stac("aerial"))
    # A child that leads back to its parent goes round only once.
    again = {**stac("beach"), "links": [{"rel": "child", "href": "./catalog.json"}]}
    remote.json("/s/b.json", again)
    run = harvesting.run(harvesting.add(SourceKind.STAC, f"{remote.url}/s/catalog.json"))
    assert run.state is RunState.DONE, run.problem
    assert run.counts == {RecordOutcome.ADDED: 2}, harvesting.items(run)


def test_migrations_and_tables_agree(any_store: ControlStore) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    declared = MetaData(naming_convention=Table.metadata.naming_convention)
    for table in Table.metadata.sorted_tables:
        if table.name.startswith(("harvest", "resource", "application")):
            table.to_metadata(declared)
    ours = set(declared.tables)

    def included(name: str | None, kind: str, parents: dict[str, str | None]) -> bool:
        table = name if kind == "table" else parents.get("table_name")
        return table is None or (table in ours and table.startswith("harvest"))

    with any_store.engine.connect() as connection:
        options = {"compare_type": False, "include_name": included}
        context = MigrationContext.configure(connection, opts=options)
        differences = [one for one in compare_metadata(context, declared) if "harvest" in repr(one)]
    assert differences == []
