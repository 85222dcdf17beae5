"""Entries that are read off versions of the space-time store."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from quanyu.catalogue import (
    Access,
    Description,
    Sensitivity,
    history,
    refresh_dataset,
    register_dataset,
)
from quanyu.kernel import LocalText, NotFound
from quanyu.spacetime import Field, FieldType, GeometryType, Version

VERSION = Version(
    dataset="buildings",
    number=1,
    table="buildings",
    delta_version=0,
    fields=(Field("height", FieldType.NUMBER, "m"), Field("owner", FieldType.STRING)),
    geometry=GeometryType.POLYGON,
    has_z=False,
    rows=10,
    rejects=0,
    bbox=(24.0, 60.0, 25.0, 61.0),
    interval=(None, None),
    source_crs=None,
    source="buildings.geojson",
    source_sha256=None,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def test_a_dataset_is_registered_and_follows_its_versions(city) -> None:
    said = Description(
        title=LocalText(en="Buildings"),
        provider=city.housing.id,
        licence="CC0-1.0",
        access=Access.OPEN,
        meanings={"height": LocalText(zh="高度")},
        sensitivities={"owner": Sensitivity.PERSONAL},
    )
    with city.store.begin() as session:
        made = register_dataset(session, VERSION, said, city.supplier, area="110101")
        again = register_dataset(session, VERSION, said, city.supplier, area="110101")
    assert again == made
    assert (made.slug, made.version, made.bbox) == ("buildings", "1", VERSION.bbox)
    height, owner = made.fields
    assert (height.type, height.unit, height.meaning.zh) == ("number", "m", "高度")
    assert owner.sensitivity is Sensitivity.PERSONAL
    newer = replace(
        VERSION, number=2, fields=(*VERSION.fields, Field("year", FieldType.INTEGER)), bbox=None
    )
    with city.store.begin() as session:
        after = refresh_dataset(session, newer, city.supplier)
        assert set(history(session, made.id)[-1].changed) == {"version", "bbox", "fields"}
    assert after.fields[:2] == made.fields
    assert after.fields[2].type == "integer"
    assert after.title == made.title


def test_what_is_not_registered_cannot_be_refreshed(city) -> None:
    with pytest.raises(NotFound), city.store.begin() as session:
        refresh_dataset(session, VERSION, city.operator)
