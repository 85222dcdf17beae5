"""An entry as a record of OGC API - Records."""

from datetime import UTC, datetime

import orjson
import pytest

from quanyu.catalogue import (
    Access,
    Contact,
    Grade,
    Kind,
    Resource,
    Source,
    State,
    UpdateCycle,
    to_record,
)
from quanyu.catalogue.codes import (
    ACCESSES,
    GRADE_ACCESS,
    GRADES,
    KINDS,
    SENSITIVITIES,
    SOURCES,
    STATES,
    UPDATE_CYCLES,
    Sensitivity,
)
from quanyu.kernel import LocalText

MOMENT = datetime(2026, 3, 1, tzinfo=UTC)
FULL = Resource(
    id="res_1",
    code="110101ORG001/D000001X9",
    slug="buildings",
    kind=Kind.DATASET,
    title=LocalText(zh="建筑物", en="Buildings"),
    abstract=LocalText(en="All of them"),
    provider="pty_1",
    licence="ODbL-1.0",
    access=Access.OPEN,
    keywords=("house",),
    themes=("housing",),
    bbox=(24.0, 60.0, 25.0, 61.0),
    interval=(MOMENT, None),
    formats=("GeoJSON",),
    contact=Contact("Office", "a@example.org", "123", "https://example.org"),
    attribution="© contributors",
    state=State.PUBLISHED,
    revision=2,
    created_at=MOMENT,
    updated_at=MOMENT,
    published_at=MOMENT,
)


def test_a_full_record() -> None:
    record = to_record(FULL, "en", provider=LocalText(zh="住建局", en="Housing"))
    orjson.dumps(record)
    assert record["type"] == "Feature"
    assert record["geometry"]["coordinates"][0][2] == [25.0, 61.0]
    assert record["time"] == {"interval": ["2026-03-01T00:00:00.000Z", ".."]}
    said = record["properties"]
    assert said["type"] == "dataset"
    assert said["title"] == "Buildings"
    concept = {"id": "housing", "title": "Construction and housing"}
    assert said["themes"] == [{"concepts": [concept], "scheme": "urn:quanyu:themes"}]
    assert said["languages"] == [{"code": "zh", "name": "中文"}, {"code": "en", "name": "English"}]
    assert said["contacts"] == [
        {"identifier": "pty_1", "organization": "Housing", "roles": ["publisher"]},
        {
            "name": "Office",
            "emails": [{"value": "a@example.org"}],
            "phones": [{"value": "123"}],
            "links": [{"rel": "about", "href": "https://example.org"}],
            "organization": "Housing",
            "roles": ["pointOfContact"],
        },
    ]
    assert said["rights"] == "© contributors"
    assert to_record(FULL, "zh")["properties"]["title"] == "建筑物"


def test_a_bare_record_leaves_out_what_is_not_known() -> None:
    bare = Resource(
        id="res_1",
        code=None,
        slug="bare",
        kind=Kind.SERVICE,
        title=LocalText(zh="服务"),
        provider="pty_1",
        licence="https://example.org/l",
        access=Access.SHARED,
        bbox=(1.0, 2.0, 1.0, 2.0),
        state=State.DRAFT,
        revision=1,
        created_at=MOMENT,
        updated_at=MOMENT,
        published_at=None,
    )
    record = to_record(bare, "en")
    assert record["geometry"] == {"type": "Point", "coordinates": [1.0, 2.0]}
    assert record["time"] is None
    assert "description" not in record["properties"]
    assert "externalIds" not in record["properties"]
    assert record["properties"]["title"] == "服务"


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        (KINDS, Kind),
        (ACCESSES, Access),
        (GRADES, Grade),
        (GRADE_ACCESS, Grade),
        (STATES, State),
        (UPDATE_CYCLES, UpdateCycle),
        (SOURCES, Source),
        (SENSITIVITIES, Sensitivity),
    ],
)
def test_code_tables_are_complete(table, kind) -> None:
    assert set(table) == set(kind)
