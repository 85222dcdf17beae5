"""The query options of a request, out of its parameters (18-088, 9.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from quanyu.kernel import Invalid
from quanyu.streams.asked import Options
from quanyu.streams.odata import parse_expand, parse_filter, parse_orderby, parse_select


class ResultFormat(StrEnum):
    """Forms of an answer, as ``$resultFormat`` names them."""

    JSON = "JSON"
    DATA_ARRAY = "dataArray"
    GEOJSON = "GeoJSON"
    CSV = "CSV"


@dataclass(frozen=True, slots=True)
class Query:
    """What a request asks: options, the token of a page, the form."""

    options: Options
    token: str | None = None
    form: ResultFormat = ResultFormat.JSON


OPTIONS = (
    "$filter",
    "$orderby",
    "$select",
    "$expand",
    "$top",
    "$skip",
    "$count",
    "$resultFormat",
    "$skiptoken",
)
_FORMS = {one.value.lower(): one for one in ResultFormat}


def query_options(given: Mapping[str, str]) -> Query:
    """The options out of parameters; those without a dollar sign are not looked at.

    Raises :class:`Invalid` naming the option that is unknown or cannot be read.
    """
    for name in given:
        if name.startswith("$") and name not in OPTIONS:
            raise Invalid(
                "there is no query option {name}",
                field=name[:40],
                mend="use one of: {known}",
                name=name[:40],
                known=", ".join(OPTIONS[:-1]),
            )
    text = given.get
    filter_, orderby, select, expand = (text(name) for name in OPTIONS[:4])
    options = Options(
        filter=None if filter_ is None else parse_filter(filter_),
        orderby=() if orderby is None else parse_orderby(orderby),
        select=() if select is None else parse_select(select),
        expand=() if expand is None else parse_expand(expand),
        top=None if text("$top") is None else _whole(given["$top"], "$top"),
        skip=_whole(given.get("$skip", "0"), "$skip"),
        count=_truth(given.get("$count", "false")),
    )
    return Query(options, text("$skiptoken"), _form(given.get("$resultFormat", "JSON")))


def _whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise Invalid("this is a whole number from 0 on", field=name, mend="write one such as 10")
    return int(text)


def _truth(text: str) -> bool:
    if text not in {"true", "false"}:
        raise Invalid("this is true or false", field="$count", mend="write $count=true")
    return text == "true"


def _form(text: str) -> ResultFormat:
    found = _FORMS.get(text.lower())
    if found is None:
        raise Invalid(
            "there is no form {form}",
            field="$resultFormat",
            mend="use one of: {known}",
            form=text[:40],
            known=", ".join(ResultFormat),
        )
    return found
