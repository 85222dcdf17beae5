"""DCAT as it is written keeps the shapes and ranges of DCAT-AP 3.0.1."""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyshacl
import pytest
import rdflib

sys.path.insert(0, str(Path(__file__).parent))

from quanyu.catalogue import (
    Access,
    CatalogDescription,
    Contact,
    Distribution,
    Entry,
    FieldMeaning,
    Grade,
    Kind,
    Publisher,
    UpdateCycle,
    to_dcat,
)
from quanyu.kernel import LocalText

DATA = Path(__file__).parent / "data"
HERE = "https://city.example"
WHOLE = Entry(
    identifier="110101ORG001/D000001X9",
    uri=f"{HERE}/resources/trees",
    other_identifiers=("res_01",),
    title=LocalText(zh="行道树", en="Street trees"),
    abstract=LocalText(zh="全部行道树", en="All trees"),
    keywords=("树", "tree"),
    themes=("environment", "transport"),
    foreign_themes=("forests", "http://eurovoc.europa.eu/1"),
    licence="CC-BY-4.0",
    access=Access.RESTRICTED,
    grade=Grade.GENERAL,
    update_cycle=UpdateCycle.MONTHLY,
    bbox=(24.9, 60.1, 25.0, 60.2),
    interval=(datetime(2020, 1, 1, tzinfo=UTC), None),
    fields=(FieldMeaning("height", "number", LocalText(zh="高度"), "m"),),
    formats=("CSV", "FlatGeobuf"),
    lineage=(f"{HERE}/resources/survey",),
    provenance=LocalText(zh="普查", en="Survey"),
    contact=Contact("数据科", "data@city.example", "+86 10 1234", f"{HERE}/contact"),
    publisher=Publisher(LocalText(zh="园林局"), "pty_1", f"{HERE}/parties/pty_1"),
    issued=datetime(2026, 1, 1, tzinfo=UTC),
    modified=datetime(2026, 2, 1, tzinfo=UTC),
    version="3",
    attribution="© City",
    landing_page=f"{HERE}/resources/trees",
    policy=f"{HERE}/resources/trees/policy",
    language=("zh", "ug"),
    distributions=(
        Distribution(
            f"{HERE}/data/trees.csv",
            LocalText(zh="CSV 文件"),
            "CSV",
            "text/csv",
            12,
            checksum="sha256:" + "ab" * 32,
        ),
        Distribution(f"{HERE}/data/trees.fgb", None, "FlatGeobuf", "application/flatgeobuf"),
        Distribution(
            f"{HERE}/ogc/features/collections/trees", None, "OGC API – Features", api=True
        ),
    ),
)
BARE = Entry(identifier="bare", title=LocalText(en="Bare"), abstract=LocalText(en="Bare."))
CATALOG = CatalogDescription(
    uri=f"{HERE}/catalog",
    title=LocalText(zh="目录"),
    description=LocalText(zh="全部"),
    publisher=Publisher(LocalText(en="City"), url=HERE),
    homepage=f"{HERE}/search",
    total=9,
    page=f"{HERE}/catalog.ttl",
    next=f"{HERE}/catalog.ttl?after=3",
)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_kind_keeps_the_shapes_of_dcat_ap() -> None:
    whole = ((kind, f"{HERE}/resources/{kind}") for kind in Kind)
    entries = [replace(WHOLE, identifier=kind, uri=uri, kind=kind) for kind, uri in whole]
    written = to_dcat([*entries, BARE], "text/turtle", catalog=CATALOG)
    shapes = rdflib.Graph().parse(DATA / "dcat-ap-3.0.1-shapes.ttl")
    shapes.parse(DATA / "dcat-ap-3.0.1-ranges.ttl")
    graph = rdflib.Graph().parse(data=written, format="turtle")
    conforms, _, report = pyshacl.validate(graph, shacl_graph=shapes, advanced=True)
    assert conforms, report
