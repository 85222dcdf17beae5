"""Each kind by its schema: validated with place and mend, extended by files, versions kept."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from catalogue_city import City
from hypothesis import given
from hypothesis import strategies as st

from quanyu.catalogue import (
    Kind,
    attribute_faults,
    attribute_words,
    check_attributes,
    kind_schema,
    kind_schemas,
    kinds_document,
    shown_attributes,
    upgrade_attributes,
    use_extensions,
)
from quanyu.kernel import Invalid, LocalText, NotFound, translate

GOOD: dict[Kind, dict[str, Any]] = {
    Kind.DATASET: {"crs": "EPSG:4490", "scaleDenominator": 10000},
    Kind.STREAM: {"observedProperty": {"name": "PM2.5"}, "samplingPeriod": "PT5M"},
    Kind.SCENE: {"format": "3dtiles-1.1", "lod": ["LOD1"], "surveyed": "2025-06-01"},
    Kind.MODEL: {"task": "forecasting", "inputs": [{"name": "x"}], "outputs": [{"name": "y"}]},
    Kind.ALGORITHM: {"inputs": [{"name": "x"}], "outputs": [{"name": "y"}], "language": "Python"},
    Kind.SERVICE: {"protocol": "wms", "endpoint": "https://example.org/wms"},
    Kind.FACILITY: {"class": "sport", "address": "人民路 1 号"},
    Kind.COMPUTE: {"processor": {"kind": "gpu"}, "cores": 64},
    Kind.AIRSPACE: {
        "type": "REQ_AUTHORISATION",
        "lower": {"value": 0, "unit": "M", "reference": "AGL"},
        "upper": {"value": 120, "unit": "M", "reference": "AGL"},
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder of extensions, forgotten afterwards."""
    yield tmp_path
    use_extensions(None)


def put(folder: Path, name: str, document: object) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    (folder / name).write_text(text)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_a_schema_in_both_languages(kind: Kind) -> None:
    schema = kind_schema(kind)
    said = check_attributes(kind, GOOD[kind], whole=True)
    assert said["$schema"] == f"urn:quanyu:schema:{kind.value}:1"

    def look(node: object) -> None:
        if isinstance(node, dict):
            if "title" in node and "type" in node and isinstance(node["title"], str):
                assert node["x-zh"]["title"], node["title"]
            for value in node.values():
                look(value)
        elif isinstance(node, list):
            for value in node:
                look(value)

    look(dict(schema.document))


@pytest.mark.parametrize(
    ("kind", "change", "place"),
    [
        (Kind.STREAM, {"samplingPeriod": "5 min"}, "/samplingPeriod"),
        (Kind.STREAM, {"observedProperty": {}}, "/observedProperty/name"),
        (Kind.SCENE, {"format": "fbx"}, "/format"),
        (Kind.SCENE, {"lod": ["LOD1", "LOD9"]}, "/lod/1"),
        (Kind.SCENE, {"surveyed": "yesterday"}, "/surveyed"),
        (Kind.SERVICE, {"endpoint": "javascript:alert(1)"}, "/endpoint"),
        (Kind.SERVICE, {"sla": {"availability": 101}}, "/sla/availability"),
        (Kind.FACILITY, {"location": {"longitude": 1}}, "/location/latitude"),
        (Kind.COMPUTE, {"cores": 1.5}, "/cores"),
        (Kind.COMPUTE, {"cores": 0}, "/cores"),
        (Kind.DATASET, {"a/b": 1}, "/a~1b"),
        (Kind.DATASET, {"catalogueClass": "12"}, "/catalogueClass"),
        (Kind.MODEL, {"inputs": [{"name": "x"}, {}]}, "/inputs/1/name"),
    ],
)
def test_faults_name_their_place_and_mend_in_both_languages(
    kind: Kind, change: dict[str, Any], place: str
) -> None:
    with pytest.raises(Invalid) as caught:
        check_attributes(kind, GOOD[kind] | change)
    error = caught.value
    assert error.field == f"attributes{place}"
    assert error.mend
    chinese = translate("zh", error.detail, **error.params)
    assert chinese != translate("en", error.detail, **error.params)
    faults = attribute_faults(kind_schema(kind), GOOD[kind] | change)
    assert place in [one.pointer for one in faults]


@pytest.mark.parametrize(
    "attributes",
    [
        {"crs": "x" * 300_000},
        {"crs": float("nan")},
        {"crs": {1, 2}},
        {"$schema": "urn:quanyu:schema:dataset:9", "rows": 1},
        {"$schema": "urn:quanyu:schema:stream:1", "rows": 1},
        {"legalBasis": "a\x00b"},
        json.loads('{"crs":' * 40 + "1" + "}" * 40),
    ],
)
def test_bad_attributes_are_refused(attributes: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        check_attributes(Kind.DATASET, attributes)


@given(
    st.dictionaries(
        st.text(max_size=10),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
            max_leaves=8,
        ),
        max_size=5,
    )
)
def test_nothing_but_invalid_is_raised(attributes: dict[str, Any]) -> None:
    for kind in (Kind.SCENE, Kind.AIRSPACE):
        with suppress(Invalid):
            said = check_attributes(kind, attributes)
            assert check_attributes(kind, said) == said


def test_saying_nothing_is_allowed_unless_the_whole_is_asked_for() -> None:
    assert check_attributes(Kind.STREAM, {}) == {}
    with pytest.raises(Invalid):
        check_attributes(Kind.STREAM, {}, whole=True)


def test_an_entry_keeps_its_attributes_and_is_found_by_them(city: City) -> None:
    made = city.publish("air", kind=Kind.STREAM, attributes=GOOD[Kind.STREAM])
    assert made.attributes["observedProperty"] == {"name": "PM2.5"}
    shown = {one.name: one for one in shown_attributes(made.kind, made.attributes)}
    assert shown["observedProperty"].parts[0].texts == (LocalText(en="PM2.5"),)
    assert "PM2.5" in attribute_words(made)
    with pytest.raises(Invalid, match="samplingPeriod"):
        city.register("other", kind=Kind.STREAM, attributes={"observedProperty": {"name": "x"}})


def test_values_of_lists_are_said_in_both_languages(city: City) -> None:
    scene = replace(city.draft, kind=Kind.SCENE, attributes=GOOD[Kind.SCENE])
    assert "LOD1 体块" in attribute_words(scene)
    assert "LOD1, block" in attribute_words(scene)


def test_a_file_adds_properties_a_profile_and_a_version(folder: Path) -> None:
    add = {"x-kind": "dataset", "properties": {"cityCode": {"type": "string"}}}
    profile = {
        "x-kind": "dataset",
        "x-profile": "parcels",
        "title": "Parcels",
        "properties": {"use": {"type": "string", "title": "Use"}},
        "required": ["use"],
    }
    newer = {
        "x-kind": "scene",
        "x-version": 2,
        "title": "Scene",
        "properties": {"encoding": {"type": "string"}},
        "x-upgrade": {"rename": {"format": "encoding"}, "drop": ["lod"]},
    }
    for name, document in (("a.json", add), ("b.json", profile), ("c.json", newer)):
        put(folder, name, document)
    use_extensions(folder)
    assert check_attributes(Kind.DATASET, {"cityCode": "x"})["cityCode"] == "x"
    stated = {"$schema": "urn:quanyu:schema:dataset:1:parcels", "use": "road"}
    assert check_attributes(Kind.DATASET, stated) == stated
    with pytest.raises(Invalid, match="use"):
        check_attributes(Kind.DATASET, stated | {"use": None})
    old = check_attributes(
        Kind.SCENE, {"$schema": "urn:quanyu:schema:scene:1", "format": "i3s", "lod": ["LOD1"]}
    )
    assert shown_attributes(Kind.SCENE, old)
    upgraded = upgrade_attributes(Kind.SCENE, old)
    assert upgraded == {"$schema": "urn:quanyu:schema:scene:2", "encoding": "i3s"}
    assert check_attributes(Kind.SCENE, upgraded) == upgraded
    use_extensions(None)
    # What nobody knows any more can still be read.
    assert [one.name for one in shown_attributes(Kind.DATASET, stated)] == ["use"]


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("{", "no JSON"),
        ([], "no JSON object"),
        ({"properties": {"a": {}}}, "x-kind"),
        ({"x-kind": "cloud", "properties": {"a": {}}}, "x-kind"),
        ({"x-kind": "dataset"}, "properties"),
        ({"x-kind": "dataset", "properties": {"crs": {}}}, "there already"),
        ({"x-kind": "dataset", "properties": {"a b": {}}}, "cannot be a property"),
        ({"x-kind": "dataset", "properties": {"a": {"type": "text"}}}, "cannot be used"),
        ({"x-kind": "dataset", "properties": {"a": {"pattern": "("}}}, "cannot be used"),
        ({"x-kind": "dataset", "properties": {"a": {"$ref": "http://10.0.0.1/x"}}}, "leads out"),
        ({"x-kind": "dataset", "x-version": 1, "properties": {"a": {}}}, "there already"),
        ({"x-kind": "dataset", "x-profile": "Bad Name", "properties": {"a": {}}}, "x-profile"),
    ],
)
def test_a_bad_file_is_refused_by_name(folder: Path, document: object, why: str) -> None:
    put(folder, "mine.json", document)
    before = kind_schemas()
    with pytest.raises(Invalid, match=why) as caught:
        use_extensions(folder)
    assert "mine.json" in str(caught.value)
    assert kind_schemas() == before


def test_unknown_schemas_are_not_there() -> None:
    with pytest.raises(NotFound):
        kind_schema(Kind.DATASET, 7)


def test_the_reference_names_every_attribute() -> None:
    page = kinds_document()
    assert all(f"`{name}`" in page for one in kind_schemas() for name in one.properties)
