"""Delimited text and spreadsheets: encodings, delimiters, types, places, rejects by line."""

import datetime as dt
import zipfile

import pytest
import shapely

from quanyu.kernel import Invalid
from quanyu.spacetime import IngestOptions, inspect
from quanyu.spacetime.intake import delimited


def test_points_with_types_and_nulls(here, write):
    path = write(
        "a.csv",
        "id,name,lon,lat,count,share,open,day,seen\n"
        "a,甲,113.1,23.1,1,0.5,true,2026-01-02,2026-01-02 03:04:05\n"
        "b,乙,113.2,23.2,,NA,否,2026/1/3,2026-01-03T03:04:05.25+08:00\n",
    )
    report = here.take(path)
    rows = {row["fid"]: row for row in here.table(report).to_pylist()}
    assert set(rows) == {"a", "b"}
    types = {field.name: field.type.value for field in report.version.fields}
    assert types == {
        "id": "string", "name": "string", "count": "integer", "share": "number",
        "open": "boolean", "day": "date", "seen": "date-time",
    }  # fmt: skip
    assert rows["b"]["count"] is None
    assert rows["b"]["open"] is False
    assert rows["b"]["day"] == dt.date(2026, 1, 3)
    assert rows["b"]["seen"] == dt.datetime(2026, 1, 2, 19, 4, 5, 250_000, tzinfo=dt.UTC)
    assert shapely.from_wkb(rows["a"]["geometry"]) == shapely.Point(113.1, 23.1)
    assert (rows["a"]["xmin"], rows["a"]["ymax"]) == (113.1, 23.1)
    assert report.version.bbox == (113.1, 23.1, 113.2, 23.2)


@pytest.mark.parametrize(
    ("charset", "delimiter"),
    [("gbk", ","), ("gb18030", "\t"), ("utf-8", ";"), ("utf-8-sig", "|"), ("utf-16", "，")],
)
def test_charsets_and_delimiters_are_found(here, write, charset, delimiter):
    lines = ["编号,名称,经度,纬度", "1,天河区政府,113.36,23.12", "2,越秀公园,113.26,23.14"]
    text = "\n".join(lines).replace(",", delimiter) + "\n"
    report = here.take(write("城市.txt", text.encode(charset)))
    table = here.table(report)
    assert sorted(table["名称"].to_pylist()) == ["天河区政府", "越秀公园"]
    assert sorted(table["fid"].to_pylist()) == ["1", "2"]
    assert report.version.geometry == "Point"
    assert report.rejects == 0


def test_every_bad_row_is_rejected_with_its_line_and_reason(here, write):
    good = "".join(f"{i},{i}.5,113.{i:03},23.1\n" for i in range(100, 140))
    text = (
        "n,v,lng,lat\n"
        + good
        + "x1,1,113,23\n7\n8,1,,23.5\n\n9,1,213,23\n10,abc,113,23\n11,1,113,23\n"
    )
    report = here.take(write("bad.csv", text))
    assert report.rows == 41
    found = {reject["line"]: reject["reason"] for reject in here.rejects(report)}
    assert set(found) == {42, 43, 44, 46, 47}
    assert "x1" in found[42]
    assert "1 columns where 4" in found[43]
    assert "missing" in found[44]
    assert "±180°" in found[46]
    assert "abc" in found[47]
    assert report.rejects == report.version.rejects == 5
    assert '"abc"' in next(r["raw"] for r in here.rejects(report) if r["line"] == 47)


def test_quotes_with_line_ends_inside(here, write):
    report = here.take(write("q.csv", 'id,say,lon,lat\n1,"a, ""b""\nc",113,23\n2,d,113,23\n'))
    assert 'a, "b"\nc' in here.table(report)["say"].to_pylist()


def test_bytes_outside_of_the_charset_reject_only_their_row(here, write):
    data = b"id,name,lon,lat\n" + "".join(f"{i},广州,113,23\n" for i in range(50)).encode()
    report = here.take(write("b.csv", data + b"99,\xff\xfe,113,23\n"), encoding="utf-8")
    assert report.rows == 50
    assert "not utf-8" in here.rejects(report)[0]["reason"]


def test_title_above_the_header_is_passed_over(here, write):
    report = here.take(write("t.csv", "广州监测\nid,lon,lat\n1,113,23\n2,113,23\n"))
    assert report.rows == 2
    assert [r["line"] for r in here.rejects(report)] == []


def test_codes_stay_text(here, write):
    rows = "".join(f"0{i},44010{i},11010119900101{i}234,113,23\n" for i in range(1, 9))
    report = here.take(write("c.csv", "code,area,card,lon,lat\n" + rows))
    types = {field.name: field.type.value for field in report.version.fields}
    assert types == {"code": "string", "area": "integer", "card": "string"}


def test_whole_numbers_become_numbers_when_a_broken_one_comes_late(here, write, monkeypatch):
    monkeypatch.setattr(delimited, "_BLOCK", 4096)
    rows = "".join(f"{i},{i},113,23\n" for i in range(5_000))
    report = here.take(write("w.csv", "id,v,lon,lat\n" + rows + "5000,0.5,113,23\n"))
    assert report.rejects == 0
    assert {f.name: f.type.value for f in report.version.fields}["v"] == "number"
    assert report.rows == 5_001


def test_given_types_win_and_reject(here, write):
    path = write("g.csv", "id,v,lon,lat\n1,2,113,23\n2,2.5,113,23\n")
    report = here.take(path, types={"v": "integer"})
    assert (report.rows, report.rejects) == (1, 1)
    assert here.take(path, types={"v": "string"}).rejects == 0


def test_well_known_text_columns(here, write):
    text = 'id,wkt\n1,"POLYGON((0 0,1 0,1 1,0 0))"\n2,SRID=4326;POINT(1 2)\n3,POINT(1\n4,\n'
    report = here.take(write("w.csv", text), wkt="wkt")
    assert report.rows == 3
    assert report.version.geometry == "Geometry"
    assert here.rejects(report)[0]["line"] == 4


def test_gcj02_is_brought_to_wgs84(here, write):
    text = "id,lng,lat\n1,116.41024449916938,39.91640428150164\n"
    report = here.take(write("g.csv", text), crs="GCJ-02")
    row = here.table(report).to_pylist()[0]
    assert (row["xmin"], row["ymin"]) == pytest.approx((116.404, 39.915), abs=1e-9)
    assert report.version.source_crs == "GCJ-02"


@pytest.mark.parametrize("header", ["x,y", "y,x", "X坐标,Y坐标"])
def test_survey_axes_are_recognised(here, write, header):
    # Surveyors call the northing x: 2 566 543.2 m north, 434 567.8 m east in zone 114°.
    east, north = "434567.8", "2566543.2"
    values = f"{north},{east}" if not header.startswith("y") else f"{east},{north}"
    report = here.take(write("s.csv", f"id,{header}\n1,{values}\n"), crs="EPSG:4547")
    west, south, *_ = report.version.bbox
    assert (west, south) == pytest.approx((113.36, 23.20), abs=0.02)


def test_projected_coordinates_without_crs_are_refused(here, write):
    path = write("p.csv", "id,x,y\n1,434567.8,2566543.2\n")
    with pytest.raises(Invalid) as caught:
        here.take(path)
    assert caught.value.field == "crs"
    assert "EPSG:4547" in caught.value.mend


@pytest.mark.parametrize(
    "content", [b"", b"   \n\n", b"id,lon,lat\n", b"\x00\x01\x02\x03" * 50, b"\x89PNG\r\n\x1a\n123"]
)
def test_nothing_to_read_is_said_so(here, write, content):
    with pytest.raises(Invalid) as caught:
        here.take(write("n.csv", content))
    assert caught.value.field == "source"
    assert caught.value.mend


def test_columns_are_renamed_and_said(here, write):
    text = "fid,Geometry,xmin,a b,A_B,__line,,lon,lat\nx,1,2,3,4,5,6,113,23\n"
    report = here.take(write("r.csv", text))
    assert [f.name for f in report.version.fields] == [
        "Geometry_", "xmin_", "a_b", "A_B_2", "line_", "column_7",
    ]  # fmt: skip
    assert any("xmin_" in note for note in report.notes)
    assert here.table(report)["fid"].to_pylist() == ["x"]


def test_repeated_ids_are_rejected_when_the_column_was_named(here, write):
    path = write("d.csv", "key,v,lon,lat\na,1,113,23\nb,2,113,23\na,3,113,23\n,4,113,23\n")
    report = here.take(path, id_column="key")
    assert sorted(here.table(report)["v"].to_pylist()) == [1, 2]
    assert [(r["line"], "came before, at 2" in r["reason"]) for r in here.rejects(report)] == [
        (4, True), (5, False),
    ]  # fmt: skip


def test_repeated_ids_are_numbered_when_the_column_was_guessed(here, write):
    report = here.take(write("d.csv", "id,lon,lat\na,113,23\na,113,23\n"))
    assert sorted(here.table(report)["fid"].to_pylist()) == ["2", "3"]
    assert any("not unique" in note for note in report.notes)


def test_unknown_columns_in_options_are_named(here, write):
    path = write("o.csv", "id,lon,lat\na,113,23\n")
    for option in ("lon", "lat", "wkt", "id_column", "time", "valid_from"):
        with pytest.raises(Invalid) as caught:
            here.take(path, **{option: "nope"})
        assert caught.value.field in {option, "lat", "lon"}
    with pytest.raises(Invalid, match="types"):
        here.take(path, types={"nope": "string"})


def test_time_of_rows(here, write):
    path = write("t.csv", "id,采集时间,lon,lat\n1,2026-03-01 08:00:00,113,23\n")
    report = here.take(path, timezone="Asia/Shanghai")
    moment = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    assert report.version.interval == (moment, moment)
    row = here.table(report).to_pylist()[0]
    assert row["valid_from"] == row["valid_to"] == moment


def test_periods(here, write):
    path = write(
        "t.csv",
        "id,a,b,lon,lat\n1,2026-03-01,2026-04-01,1,2\n2,2026-03-02,,1,2\n3,2026-03-02,2026-03-01,1,2\n",
    )
    report = here.take(path, valid_from="a", valid_to="b")
    assert report.rows == 2
    assert report.version.interval == (dt.datetime(2026, 3, 1, tzinfo=dt.UTC), None)
    assert "before it begins" in here.rejects(report)[0]["reason"]


def test_inspect_shows_the_plan_and_stores_nothing(here, write, tmp_path):
    path = write(
        "Plan 1.csv", "id,名称,gcj_lng,gcj_lat\n1,甲,113.1,23.1\n2,乙,113.2,23.2\n".encode("gbk")
    )
    plan = inspect(path, IngestOptions(), tmp_path / "work")
    shown = plan.as_json()
    assert shown["format"] == "csv"
    assert shown["encoding"] == "gb18030"
    assert shown["crs"] == "GCJ-02"
    assert shown["geometry"] == "Point"
    assert shown["geometry_from"] == ("gcj_lng", "gcj_lat")
    assert shown["dataset"] == "plan-1"
    assert [f["samples"] for f in shown["fields"]] == [(1, 2), ("甲", "乙")]
    assert shown["rows"] in {2, 3}
    assert not (tmp_path / "tables").exists()


def workbook(path, rows):
    """The least XLSX that is one: a sheet of inline strings and numbers."""

    def cell(value):
        if isinstance(value, str):
            return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
        return "<c/>" if value is None else f"<c><v>{value}</v></c>"

    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    data = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'''<Types xmlns="{package}/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>
<Override PartName="/xl/s1.xml" ContentType="{kind}.worksheet+xml"/></Types>''',
        )
        archive.writestr(
            "_rels/.rels",
            f'''<Relationships xmlns="{package}/relationships">
<Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>''',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'''<workbook xmlns="{main}" xmlns:r="{office}">
<sheets><sheet name="名录" sheetId="1" r:id="r1"/></sheets></workbook>''',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'''<Relationships
xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/worksheet"
Target="s1.xml"/></Relationships>''',
        )
        archive.writestr(
            "xl/s1.xml", f'<worksheet xmlns="{main}"><sheetData>{data}</sheetData></worksheet>'
        )
    return path


def test_spreadsheet(here, tmp_path):
    rows = [["企业名录"], ["编号", "名称", "经度", "纬度"], [1, "甲", 113.1, 23.1],
            *([n, "丙", 113.2, 23.2] for n in range(3, 30)), [2, "乙", "东", 23.1]]  # fmt: skip
    report = here.take(workbook(tmp_path / "a.xlsx", rows))
    assert (report.rows, report.rejects) == (28, 1)
    assert here.rejects(report)[0]["line"] == 31
    assert report.version.geometry == "Point"
    with pytest.raises(Invalid, match="名录"):
        here.take(tmp_path / "a.xlsx", layer="nope")
    (tmp_path / "cut.xlsx").write_bytes((tmp_path / "a.xlsx").read_bytes()[:600])
    with pytest.raises(Invalid, match="source"):
        here.take(tmp_path / "cut.xlsx")


def test_beijing_air(here, real):
    report = here.take(real("air/beijing-pm25-2010-2014.csv"))
    assert (report.rows, report.rejects) == (43_824, 0)
    assert report.version.geometry == "None"
    assert {f.name: f.type.value for f in report.version.fields}["TEMP"] == "number"
