"""CKAN, STAC and schema.org in and out: what each form shares with an entry survives the way."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from entries import ENTRIES

from quanyu.catalogue import (
    Entry,
    Parsed,
    from_ckan,
    from_record,
    from_schema_org,
    from_stac,
    loads,
    to_ckan,
    to_schema_org,
    to_stac_collection,
    to_stac_item,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)


def sent(document: Any) -> Any:
    return loads(orjson.dumps(document))


def only(parsed: Parsed) -> Entry:
    assert not parsed.rejects
    assert not parsed.notes
    (entry,) = parsed.entries
    return entry


@settings(max_examples=40)
@given(entry=ENTRIES)
def test_ckan_keeps_everything(entry: Entry) -> None:
    assert only(from_ckan(sent(to_ckan(entry)))) == entry


@settings(max_examples=40)
@given(entry=ENTRIES)
def test_stac_keeps_everything_but_the_name_in_rdf(entry: Entry) -> None:
    found = only(from_stac(sent(to_stac_collection(entry))))
    expected = replace(entry, uri="", bbox=entry.bbox or (-180, -90, 180, 90))
    if expected.abstract is None:  # STAC asks for a description
        expected = replace(expected, abstract=found.abstract)
    assert found == expected


@settings(max_examples=40)
@given(entry=ENTRIES)
def test_a_stac_item_keeps_the_same(entry: Entry) -> None:
    document = to_stac_item(entry, "all")
    if document is None:
        assert entry.bbox is None or entry.interval == (None, None)
        return
    found = only(from_stac(sent(document)))
    assert found.bbox == entry.bbox
    assert found.title == entry.title
    assert found.distributions == entry.distributions
    if None not in entry.interval:
        assert found.interval == entry.interval


@settings(max_examples=40)
@given(entry=ENTRIES)
def test_schema_org_keeps_what_it_shares(entry: Entry) -> None:
    found = only(from_schema_org(sent(to_schema_org(entry))))
    assert found.title == entry.title
    for name in ("identifier", "other_identifiers", "keywords", "themes", "licence", "access"):
        assert getattr(found, name) == getattr(entry, name), name
    for name in ("grade", "update_cycle", "bbox", "interval", "fields", "lineage", "issued"):
        assert getattr(found, name) == getattr(entry, name), name
    for name in ("modified", "version", "attribution", "policy", "language", "distributions"):
        assert getattr(found, name) == getattr(entry, name), name
    if entry.publisher:
        assert found.publisher == entry.publisher
        assert found.contact == entry.contact


READERS = (from_ckan, from_stac, from_record, from_schema_org)
NAMES = st.sampled_from(
    [
        *(
            "id",
            "name",
            "title",
            "type",
            "properties",
            "links",
            "features",
            "collections",
            "extras",
        ),
        *("resources", "tags", "organization", "groups", "extent", "assets", "geometry", "bbox"),
        *("@type", "@graph", "distribution", "publisher", "spatialCoverage", "keywords", "themes"),
        *("time", "contacts", "license", "description", "spatial", "url", "href", "interval"),
    ]
)
SHAPED = st.recursive(
    st.sampled_from(["Dataset", "Feature", "Collection", "x", "[[", '{"a":[1]}', 7, None, -1.5]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=12,
)


@settings(max_examples=60)
@given(document=st.dictionaries(NAMES, SHAPED | JSON, max_size=5))
def test_no_json_makes_a_reader_stumble(document: dict[str, Any]) -> None:
    for reader in READERS:
        parsed = reader(document, base="https://example.org/")
        assert isinstance(parsed, Parsed)
