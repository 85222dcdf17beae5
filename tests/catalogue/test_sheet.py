"""The government data catalogue as a spreadsheet: out, in, previewed, refused by row and column."""

import csv
import io
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from catalogue_city import City
from hypothesis import given
from hypothesis import strategies as st

from quanyu.catalogue import (
    Access,
    Defaults,
    FieldMeaning,
    UpdateCycle,
    class_codes,
    plan_sheet,
    read_sheet,
    resource,
    resources,
    take_sheet,
    use_classes,
    write_sheet,
)
from quanyu.kernel import Invalid, LocalText, NotFound, TooLarge
from quanyu.parties import parties

HEAD = (
    "信息资源分类,信息资源名称,信息资源代码,信息资源提供方,信息资源摘要,"
    "信息项名称,数据类型,共享类型,是否向社会开放,更新周期"
)


def sheet(*lines: str) -> bytes:
    return "\n".join((HEAD, *lines)).encode()


def exported(city: City, form: str) -> bytes:
    with city.store.read() as session:
        found = resources(session, visible_to=city.operator).hits
        return write_sheet(found, {one.id: one for one in parties(session)}, form=form)


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_what_goes_out_comes_back_the_same(city: City, form: str) -> None:
    city.publish(
        "buildings",
        abstract=LocalText(zh="=1+1 含公式样的文字", en="Buildings"),
        fields=(
            FieldMeaning("storeys", "integer", LocalText(zh="层数"), "1"),
            FieldMeaning("height", "number"),
        ),
        formats=("CSV", "GeoJSON"),
        update_cycle=UpdateCycle.MONTHLY,
        attributes={
            "catalogueClass": "103",
            "sharingCondition": "凭申请",
            "sharingMethod": ["api", "file"],
            "relatedCodes": ["103/000002"],
            "crs": "EPSG:4490",
        },
    )
    english = LocalText(en="Bus stops")
    city.publish("bus", title=english, abstract=english, access=Access.SHARED)
    rows = read_sheet(exported(city, form))
    with city.store.read() as session:
        plan = plan_sheet(session, rows, city.operator, Defaults())
    assert not plan.rejects
    assert [(one.slug, one.what, one.changed) for one in plan.entries] == [
        ("bus", "same", ()),
        ("buildings", "same", ()),
    ]


def test_a_preview_writes_nothing_and_taking_writes_all(city: City) -> None:
    data = sheet(
        "基础信息资源/人口信息,常住人口,101/000001,住建局,说明,姓名,字符型,有条件共享,否,每年",
        ",,,,,年龄,数值型,,,",
        ",路灯,209/000001,住建局,,编号,字符型,无条件共享,是,不定期",
    )
    rows = read_sheet(data)
    with city.store.begin() as session:
        plan = plan_sheet(session, rows, city.supplier, Defaults())
    assert [one.what for one in plan.entries] == ["new", "new"]
    with city.store.read() as session, pytest.raises(NotFound):
        resource(session, "gov-101-000001")
    with city.store.begin() as session:
        take_sheet(session, rows, city.supplier, Defaults(), area="110101")
    with city.store.read() as session:
        made = resource(session, "gov-101-000001")
        lamp = resource(session, "gov-209-000001")
    assert [one.name for one in made.fields] == ["姓名", "年龄"]
    assert made.access is Access.RESTRICTED
    assert made.attributes["catalogueClass"] == "101"
    assert (lamp.access, lamp.licence) == (Access.OPEN, "CC-BY-4.0")
    with city.store.read() as session:
        again = plan_sheet(session, rows, city.supplier, Defaults())
    assert [one.what for one in again.entries] == ["same", "same"]


def test_faults_name_row_and_column_and_nothing_half_is_written(city: City) -> None:
    data = sheet(
        "无此类,甲,1/1,住建局,,,,无条件共享,否,每年",
        ",乙,1/2,无此局,,,,无条件共享,否,每年",
        ",丙,1/3,住建局,,,,随便共享,否,每年",
        ",丁,1/4,住建局,,,,不予共享,是,每年",
        ",戊,1/5,住建局,,,,无条件共享,否,每世纪",
        ",好的,1/6,住建局,,,,无条件共享,否,每年",
        ",好的,1/6,住建局,,,,无条件共享,否,每年",
        ",己,1/7,住建局,,,,无条件共享,否,每年",
        ",庚,1/6,住建局,,,,无条件共享,否,每年",
    )
    rows = read_sheet(data)
    with city.store.read() as session:
        plan = plan_sheet(session, rows, city.supplier, Defaults())
    assert [(one.row, one.column) for one in plan.rejects] == [
        (2, "信息资源分类"),
        (3, "信息资源提供方"),
        (4, "共享类型"),
        (5, "是否向社会开放"),
        (6, "更新周期"),
        (10, "信息资源代码"),
    ]
    assert all(one.mend for one in plan.rejects)
    with pytest.raises(Invalid, match="nothing was taken"), city.store.begin() as session:
        take_sheet(session, rows, city.supplier, Defaults())
    with city.store.read() as session, pytest.raises(NotFound):
        resource(session, "gov-1-6")
    with city.store.begin() as session:
        take_sheet(session, rows, city.supplier, Defaults(), good_ones=True)
    with city.store.read() as session:
        assert resource(session, "gov-1-7").title.zh == "己"


def test_others_entries_and_public_ones_are_refused_in_the_preview(city: City) -> None:
    city.publish("buildings")
    public = read_sheet(exported(city, "csv").replace("建筑物".encode(), "楼".encode()))
    mine = read_sheet(sheet(",丙,1/3,住建局,,,,无条件共享,否,每年"))
    with city.store.read() as session:
        by_supplier = plan_sheet(session, public, city.supplier, Defaults())
        by_stranger = plan_sheet(session, mine, city.stranger, Defaults())
        by_node = plan_sheet(session, public, city.operator, Defaults())
    assert len(by_supplier.rejects) == len(by_stranger.rejects) == 1
    assert by_node.entries[0].changed == ("title",)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 broken",
        b"\x00\x01\x02",
        "名称,别的\n甲,乙".encode(),
        b"\xff\xfe" + "信息资源名称".encode("utf-16-le"),
    ],
)
def test_bad_files_are_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        read_sheet(data)


def test_gbk_is_read_and_too_much_is_not() -> None:
    text = f"{HEAD}\n,甲,1/1,住建局,,,,无条件共享,否,每年"
    assert read_sheet(text.encode("gbk"))[0].cells["title"] == "甲"
    with pytest.raises(TooLarge):
        read_sheet(b"x" * (21 << 20))


@given(st.lists(st.text(max_size=20), min_size=1, max_size=12))
def test_no_cell_breaks_the_reading(cells: list[str]) -> None:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    data = f"{HEAD}\n{text.getvalue()}".encode("utf-8", "replace")
    with suppress(Invalid):
        read_sheet(data)


def test_a_node_adds_its_own_classes(tmp_path: Path) -> None:
    path = tmp_path / "classes.csv"
    path.write_text("code,name_zh,name_en\n101001,常住人口,Residents\n1,基础类,Base\n")
    use_classes(path)
    known = {one.code: one for one in class_codes()}
    use_classes(None)
    assert known["101001"].level == 3
    assert known["1"].name.zh == "基础类"
    path.write_text("code,name_zh,name_en\n1010,不对,Wrong\n")
    with pytest.raises(Invalid, match="line 2"):
        use_classes(path)
    assert replace(known["1"], level=1).code in {one.code for one in class_codes()}
