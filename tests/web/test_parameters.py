"""Parameters: what is taken, and that the rest is refused by name."""

from datetime import UTC, datetime

import pytest
from hypothesis import given as given_
from hypothesis import strategies as st
from starlette.requests import Request

from quanyu.kernel import Invalid, NotAcceptable
from quanyu.spacetime import CRS84
from quanyu.web import negotiate, parameters


def request(query: str = "", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request(
        {"type": "http", "method": "GET", "query_string": query.encode(), "headers": raw}
    )


def test_a_box_has_four_or_six_numbers() -> None:
    assert parameters.bbox("1,2,3,4") == (1, 2, 3, 4)
    assert parameters.bbox("1,2,-5,3,4,9.5") == (1, 2, -5, 3, 4, 9.5)
    assert parameters.bbox("170,-10,-170,10")[0] == 170
    for wrong in ("", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,3,nan", "1,2,3,inf", "1,5,3,4"):
        with pytest.raises(Invalid) as problem:
            parameters.bbox(wrong)
        assert problem.value.field == "bbox"
        assert problem.value.mend


def test_times_and_open_intervals() -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    assert parameters.interval("2020-01-01T00:00:00Z") == (start, start)
    assert parameters.interval("2020-01-01T08:00:00+08:00") == (start, start)
    assert parameters.interval("2020-01-01")[0] == start
    assert parameters.interval("2020-01-01")[1] > start
    for text in ("2020-01-01T00:00:00Z/..", "2020-01-01T00:00:00Z/"):
        assert parameters.interval(text) == (start, None)
    for text in ("../2020-01-01T00:00:00Z", "/2020-01-01T00:00:00Z"):
        assert parameters.interval(text) == (None, start)
    assert parameters.interval("../..") == (None, None)
    for wrong in (
        *("", "/", "2020", "2020-13-01", "2020-01-01T00:00:00", "2021-01-01/2020-01-01", "now"),
        *("2020-01-01T25:00:00Z", "a/b", "2020-01-01/2020-02-01/2020-03-01"),
    ):
        with pytest.raises(Invalid) as problem:
            parameters.interval(wrong)
        assert problem.value.field == "datetime"


def test_a_limit_is_clamped_from_above_only() -> None:
    assert parameters.whole({"limit": "20000"}, "limit", 10, least=1, most=10_000) == 10_000
    for wrong in ("0", "-1", "x", "1.5", "", "9" * 40):
        with pytest.raises(Invalid):
            parameters.whole({"limit": wrong}, "limit", 10, least=1, most=10_000)


def test_systems_have_one_form() -> None:
    uri = "http://www.opengis.net/def/crs/EPSG/0/4326"
    for text in ("EPSG:4326", "[EPSG:4326]", uri, "urn:ogc:def:crs:EPSG::4326"):
        assert parameters.crs(text) == uri
    assert parameters.crs("OGC:CRS84") == CRS84
    for wrong in ("4326", "EPSG:x", "http://example.org/crs", ""):
        with pytest.raises(Invalid):
            parameters.crs(wrong)


def test_an_order_is_a_list_of_names() -> None:
    assert parameters.sortby("-a,+b, c") == (("a", True), ("b", False), ("c", False))
    for wrong in ("", ",", "-", "a,,b"):
        with pytest.raises(Invalid):
            parameters.sortby(wrong)


def test_a_parameter_comes_once_and_is_known() -> None:
    assert parameters.read(request("a=1&b=%E5%BB%BA")) == {"a": "1", "b": "建"}
    for wrong in ("a=1&a=2", "a=%ff", "a=%00", "&".join(f"p{n}=1" for n in range(100))):
        with pytest.raises(Invalid):
            parameters.read(request(wrong))
    with pytest.raises(Invalid) as problem:
        parameters.check_known({"colour": "red"}, {"f"})
    assert problem.value.field == "colour"


@given_(st.text(max_size=60))
def test_no_text_breaks_the_parsers(text: str) -> None:
    for parse in (
        parameters.bbox,
        parameters.interval,
        parameters.crs,
        parameters.sortby,
        parameters.names,
    ):
        try:
            parse(text)
        except Invalid as problem:
            assert problem.field  # noqa: PT017 - what is raised matters only when it is raised


def test_what_accept_asks_for() -> None:
    offered = negotiate.offer("geojson", "html", "csv")

    def chosen(accept: str) -> str:
        return negotiate.representation(request(accept=accept), offered, None)

    assert negotiate.representation(request(), offered, None) == "geojson"
    assert chosen("*/*") == "geojson"
    assert chosen("application/json") == "geojson"
    assert chosen("text/html,application/xhtml+xml,*/*;q=0.8") == "html"
    assert chosen("text/csv;q=0.9, text/html;q=0.1") == "csv"
    assert chosen("text/*") == "html"
    with pytest.raises(NotAcceptable):
        chosen("image/png")
    with pytest.raises(NotAcceptable):
        chosen("text/html;q=0")
    assert negotiate.representation(request(), offered, "csv") == "csv"
    assert negotiate.representation(request(), offered, "json") == "geojson"
    with pytest.raises(Invalid):
        negotiate.representation(request(), offered, "gml")


def test_codings() -> None:
    assert negotiate.coding("gzip, deflate, br, zstd") == "zstd"
    assert negotiate.coding("gzip, deflate") == "gzip"
    assert negotiate.coding("zstd;q=0.1, gzip") == "gzip"
    assert negotiate.coding("br") is None
    assert negotiate.coding("identity, *;q=0") is None
