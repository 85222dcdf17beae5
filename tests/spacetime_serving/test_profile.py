"""Profiles agree with pandas; feeds of changes carry one version over into the next."""

import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely
from deltalake import DeltaTable, write_deltalake
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from small_city import ARROW, FIELDS, Town

from quanyu.spacetime import (
    ALL,
    OPEN,
    Change,
    Column,
    Field,
    FieldType,
    Format,
    GeometryType,
    Query,
    Restriction,
    Version,
    View,
    publish_version,
)

TYPES = {f.name: f.type for f in FIELDS}


def frame(town: Town, name: str) -> pd.DataFrame:
    return pd.DataFrame({f.name: town.data[name][f.name] for f in FIELDS})


@pytest.mark.parametrize("name", ["areas", "posts", "list"])
def test_a_profile_agrees_with_pandas(town: Town, name: str) -> None:
    found = town.store.view(name).profile()
    expected = frame(town, name)
    assert found.rows == len(expected)
    assert found.repeated == 0 or name == "list"
    for field in found.fields:
        column = expected[field.name].dropna()
        assert (field.count, field.missing) == (len(column), len(expected) - len(column))
        assert field.distinct == column.nunique()
        assert field.unique == (column.nunique() == len(column))
        if field.type in (FieldType.INTEGER, FieldType.NUMBER):
            numbers = column.astype(float)
            assert field.least == numbers.min()
            assert field.most == numbers.max()
            assert field.mean == pytest.approx(numbers.mean())
            assert field.deviation == pytest.approx(numbers.std())
            shares = [0.05, 0.25, 0.5, 0.75, 0.95]
            assert list(field.quantiles) == pytest.approx(list(numbers.quantile(shares)))
            for n, one in enumerate(field.histogram):
                above = numbers >= one.low if n == 0 else numbers > one.low
                assert one.count == int((above & (numbers <= one.high)).sum())
        if field.histogram:
            assert sum(one.count or 0 for one in field.histogram) == field.count
        if field.type is FieldType.STRING:
            lengths = column.str.len()
            assert field.lengths == (lengths.min(), pytest.approx(lengths.mean()), lengths.max())
    assert (found.geometry is None) == (name == "list")


def test_shapes_are_judged(town: Town) -> None:
    shapes = town.store.view("areas").profile().geometry
    assert shapes is not None
    real = town.shapes["areas"]
    assert shapes.missing == sum(one is None for one in real)
    assert (shapes.invalid, shapes.empty) == (0, 0)
    assert shapes.points == int(shapely.get_num_coordinates(real).sum())


def test_a_profile_tells_no_more_than_its_restriction(town: Town) -> None:
    narrow = Restriction(
        columns=(Column("floors"),), rows={"op": "<=", "args": [{"property": "floors"}, 3]}
    )
    found = town.store.view("posts", narrow).profile()
    assert [f.name for f in found.fields] == ["floors"]
    assert found.fields[0].most == 3
    floors = frame(town, "posts")["floors"]
    assert found.rows == int((floors <= 3).sum())


def test_guarded_properties_show_no_small_counts(town: Town) -> None:
    view = town.store.view("list")
    found = {f.name: f for f in view.profile(frozenset({"floors", "name"}), least=3).fields}
    floors = found["floors"]
    assert floors.guarded
    assert (floors.least, floors.most, floors.quantiles, floors.histogram) == (None, None, (), ())
    assert all(one.count >= 3 for one in floors.common)
    assert found["name"].common == ()
    assert found["value"].histogram
    # Another caller's profile is another file.
    assert view.kept_profile() is None or not view.kept_profile().fields[0].guarded  # type: ignore[union-attr]
    assert view.kept_profile(frozenset({"floors", "name"}), least=3) is not None


numbers = st.one_of(
    st.none(), st.floats(width=64), st.sampled_from([0.0, -0.0, 1e308, -1e308, 5e-324, 1.0])
)
texts = st.one_of(st.none(), st.text(max_size=6), st.sampled_from(["", " ", "=1+1", "<b>", "名"]))
whole = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(0, 5))
table_rows = st.lists(st.tuples(numbers, texts, whole), max_size=30)
SMALL = (
    Field("n", FieldType.NUMBER),
    Field("t", FieldType.STRING),
    Field("w", FieldType.INTEGER),
)


def put(town: Town, name: str, found: dict[str, tuple[object, ...]], shaped: bool) -> Version:
    """A version of those rows, by id."""
    fids = list(found)
    columns = {"fid": pa.array(fids, pa.string())}
    for k, field in enumerate(SMALL):
        columns[field.name] = pa.array([row[k] for row in found.values()], ARROW[field.type])
    for valid in ("valid_from", "valid_to"):
        columns[valid] = pa.array([None] * len(fids), ARROW[FieldType.DATETIME])
    if shaped:
        points = [shapely.Point(hash(str(row)) % 90, 1) for row in found.values()]
        columns["geometry"] = pa.array([shapely.to_wkb(p) for p in points], pa.binary())
        for k, box in enumerate(("xmin", "ymin", "xmax", "ymax")):
            values = [p.bounds[k] for p in points]
            columns[box] = pa.array(values, pa.float64())
    path = town.folder / "tables" / name
    write_deltalake(str(path), pa.table(columns), mode="overwrite", schema_mode="overwrite")
    draft = Version(
        dataset=name,
        number=0,
        table=name,
        delta_version=DeltaTable(str(path)).version(),
        fields=SMALL,
        geometry=GeometryType.POINT if shaped else GeometryType.NONE,
        has_z=False,
        rows=len(fids),
        rejects=0,
        bbox=(0.0, 1.0, 90.0, 1.0) if shaped and fids else None,
        interval=(None, None),
        source_crs=None,
        source="test",
        source_sha256=None,
        created_at=datetime.now(UTC),
    )
    with town.control.begin() as session:
        return publish_version(session, draft)


calm = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@calm
@given(table_rows)
@example([(0.0, None, None), (5e-324, None, None)])
def test_profiles_of_any_table_agree_with_pandas(new_town: Town, drawn: list) -> None:
    version = put(new_town, "any", {f"f{k}": row for k, row in enumerate(drawn)}, shaped=False)
    found = {f.name: f for f in new_town.store.view("any", OPEN, version.number).profile().fields}
    values = pd.Series([row[0] for row in drawn if row[0] is not None], dtype=float)
    finite = values[np.isfinite(values)]
    # pandas would call NaN missing: here it is a value, and an invalid one.
    assert found["n"].count == sum(row[0] is not None for row in drawn)
    assert found["n"].invalid == found["n"].count - len(finite)
    assert found["n"].least == (finite.min() if len(finite) else None)
    assert found["n"].most == (finite.max() if len(finite) else None)
    assert sum(one.count or 0 for one in found["n"].histogram) in (0, len(finite))
    words = pd.Series([row[1] for row in drawn if row[1] is not None], dtype=object)
    assert found["t"].distinct == words.nunique()
    top = words.value_counts()
    assert (
        sorted((one.count for one in found["t"].common), reverse=True)
        == [count for count in top[:10] if count > 1]
        or found["t"].distinct == found["t"].count
    )
    integers = pd.Series([row[2] for row in drawn if row[2] is not None], dtype=object)
    assert found["w"].distinct == integers.nunique()
    assert found["w"].least == (min(integers) if len(integers) else None)


states = st.dictionaries(
    st.sampled_from([f"f{k}" for k in range(12)]), st.tuples(numbers, texts, whole), max_size=12
)


def everything(view: View) -> dict[str, dict]:
    document = json.loads(b"".join(view.write(Query(limit=ALL), Format.GEOJSON)))
    return {feature["id"]: feature for feature in document["features"]}


@calm
@given(states, states, st.booleans())
def test_changes_applied_to_one_version_give_the_next(
    new_town: Town, before: dict, after: dict, shaped: bool
) -> None:
    name = "shaped" if shaped else "plain"
    old = new_town.store.view(name, OPEN, put(new_town, name, before, shaped).number)
    new = new_town.store.view(name, OPEN, put(new_town, name, after, shaped).number)
    told: list[int] = []
    lines = b"".join(new.changes(old, Format.NDJSON, told.append)).splitlines()
    head, *changes = map(json.loads, lines)
    assert (head["since"], head["version"]) == (old.version.number, new.version.number)
    state = everything(old)
    for change in changes:
        match Change(change["change"]):
            case Change.INSERTED:
                assert change["id"] not in state
                state[change["id"]] = change["feature"]
            case Change.UPDATED:
                assert change["id"] in state
                state[change["id"]] = change["feature"]
            case Change.DELETED:
                assert "feature" not in change
                del state[change["id"]]
    assert state == everything(new)
    assert sum(told) == len(changes)
    same = [fid for fid in before.keys() & after.keys() if repr(before[fid]) == repr(after[fid])]
    assert not {change["id"] for change in changes} & set(same)


def test_changes_hold_to_the_restriction(new_town: Town) -> None:
    before = {"a": (1.0, "x", 1), "b": (2.0, "y", 2)}
    after = {"a": (9.0, "x", 1), "b": (2.0, "z", 2), "c": (3.0, "secret", 5)}
    numbers = [put(new_town, "town", rows, shaped=False).number for rows in (before, after)]
    narrow = Restriction(columns=(Column("t"),), rows={"op": "<", "args": [{"property": "w"}, 3]})
    old, new = (new_town.store.view("town", narrow, number) for number in numbers)
    told = b"".join(new.changes(old)).decode()
    assert "secret" not in told
    assert '"n"' not in told
    # A change in a hidden column is none.
    assert [json.loads(line)["id"] for line in told.splitlines()[1:]] == ["b"]
    csv = b"".join(new.changes(old, Format.CSV)).decode()
    assert csv.splitlines() == ['"fid","change","t"', '"b","updated","z"']
    with pytest.raises(ValueError, match="restriction"):
        new.changes(new_town.store.view("town", OPEN, numbers[0]))


def test_geopackage_and_workbook(town: Town, tmp_path: Path) -> None:
    import geopandas

    for name, shaped in (("areas", True), ("list", False)):
        view = town.store.view(name)
        path = tmp_path / f"{name}.gpkg"
        path.write_bytes(b"".join(view.write(Query(limit=ALL), Format.GEOPACKAGE)))
        read = geopandas.read_file(path)
        assert len(read) == len(town.data[name]["fid"])
        assert ("geometry" in read.columns) == shaped
        book = tmp_path / f"{name}.xlsx"
        book.write_bytes(b"".join(view.write(Query(limit=ALL), Format.XLSX)))
        sheet = pd.read_excel(book, engine="calamine")
        assert list(sheet["fid"]) != []
        assert len(sheet) == len(town.data[name]["fid"])
        assert zipfile.is_zipfile(io.BytesIO(book.read_bytes()))


def test_a_workbook_runs_nothing(new_town: Town, tmp_path: Path) -> None:
    put(new_town, "town", {"a": (1.0, "=cmd|' /C calc'!A0", 1)}, shaped=False)
    book = tmp_path / "a.xlsx"
    book.write_bytes(b"".join(new_town.store.view("town").write(Query(limit=ALL), Format.XLSX)))
    with zipfile.ZipFile(book) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")
    assert pd.read_excel(book, engine="calamine")["t"][0].startswith("=cmd")


def test_lines_of_features(town: Town) -> None:
    view = town.store.view("posts")
    lines = b"".join(view.write(Query(limit=3), Format.NDJSON)).splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["Feature"] * 3
