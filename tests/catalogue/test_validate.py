"""Faults of a draft: each names its field and how to mend it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from quanyu.catalogue import (
    Access,
    Contact,
    FieldMeaning,
    Grade,
    Kind,
    ResourceDraft,
    check_draft,
)
from quanyu.kernel import Invalid, LocalText

DRAFT = ResourceDraft(
    slug="buildings",
    kind=Kind.DATASET,
    title=LocalText(zh=" 建筑物 "),
    provider="pty_1",
    licence="https://example.org/licence",
    access=Access.OPEN,
    keywords=("house", "house ", "tower"),
    themes=("housing", "housing"),
    abstract=LocalText(en="Line one\nline two"),
    bbox=(24.9, 60.1, 25.0, 60.2),
    interval=(datetime(2020, 1, 1, tzinfo=UTC), None),
    fields=(FieldMeaning("height", "number", LocalText(zh="高度"), "m"),),
    contact=Contact("Office", "office@example.org", url="https://example.org"),
)
EARLY, LATE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)
HEIGHT = FieldMeaning("height", "number")


def test_a_good_draft_is_tidied() -> None:
    checked = check_draft(DRAFT)
    assert checked.title == LocalText(zh="建筑物")
    assert checked.keywords == ("house", "tower")
    assert checked.themes == ("housing",)
    assert check_draft(checked) == checked


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"slug": "Buildings"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"slug": "a/b"}, "slug"),
        ({"slug": "-a"}, "slug"),
        ({"slug": "a" * 65}, "slug"),
        ({"slug": "a\n"}, "slug"),
        ({"title": LocalText(en=" ")}, "title"),
        ({"title": LocalText(en="x" * 301)}, "title"),
        ({"title": LocalText(en="two\x00")}, "title"),
        ({"abstract": LocalText(en="\ud800")}, "abstract"),
        ({"bbox": (25, 60, 24, 61)}, "bbox"),
        ({"bbox": (24, 60, 25, 91)}, "bbox"),
        ({"bbox": (24, 60, float("nan"), 61)}, "bbox"),
        ({"interval": (LATE, EARLY)}, "interval"),
        ({"interval": (datetime(2020, 1, 1), None)}, "interval"),  # noqa: DTZ001
        ({"licence": "CC-BY"}, "licence"),
        ({"licence": "javascript:alert(1)"}, "licence"),
        ({"licence": "http://[::1"}, "licence"),
        ({"licence": "https://a b"}, "licence"),
        ({"licence": "by-agreement"}, "licence"),
        ({"themes": ("traffic",)}, "themes"),
        ({"grade": Grade.IMPORTANT}, "access"),
        ({"grade": Grade.CORE, "access": Access.RESTRICTED}, "access"),
        ({"keywords": ("",)}, "keywords"),
        ({"keywords": tuple(map(str, range(51)))}, "keywords"),
        ({"fields": (HEIGHT, HEIGHT)}, "fields"),
        ({"fields": (replace(HEIGHT, name=""),)}, "fields.name"),
        ({"fields": (replace(HEIGHT, type=" "),)}, "fields.type"),
        ({"contact": Contact("")}, "contact.name"),
        ({"contact": Contact("A", email="nobody")}, "contact.email"),
        ({"contact": Contact("A", url="ftp://a")}, "contact.url"),
        ({"version": " "}, "version"),
        ({"lineage": tuple(map(str, range(201)))}, "lineage"),
    ],
)
def test_faults_name_their_field(wrong: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as error:
        check_draft(replace(DRAFT, **wrong))
    assert error.value.field == field
    assert error.value.mend
    assert str(error.value)


def test_two_thousand_fields_are_checked_quickly() -> None:
    many = tuple(FieldMeaning(f"f{n}", "string") for n in range(2000))
    check_draft(replace(DRAFT, fields=many))
    with pytest.raises(Invalid):
        check_draft(replace(DRAFT, fields=(*many, HEIGHT)))
