"""What a request asks of a process, checked against the description before anything is read.

The forms are those of OGC API – Processes Part 1 (18-062r2, 7.11.2): a value in line, a qualified
value (``{"value": …}``), a link (``{"href": …}``) to items of a collection of this node; and the
``{"collection": …}`` of Part 3 (21-009), with what narrows it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from quanyu.compute.features import inline_features
from quanyu.compute.model import Features, Holds, Input, Output, ProcessDescription
from quanyu.kernel import Invalid, sha256_hex

_NARROWS = frozenset({"bbox", "datetime", "filter", "filter-lang", "properties", "band", "scene"})
_MEANS = frozenset({"agreement", "purpose", "version"})
_LONGEST = 20_000
_SHORT = 2_000
_GEOJSON = frozenset(
    {"FeatureCollection", "Feature", "Point", "MultiPoint", "LineString", "MultiLineString",
     "Polygon", "MultiPolygon", "GeometryCollection"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Named:
    """A collection that an input names: ``means`` are the agreement, purpose and version by which
    it is read, ``narrowed`` the parameters that choose from it, as a query has them."""

    collection: str
    means: Mapping[str, str]
    narrowed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """How an output is wanted: ``reference`` is a link to it instead of the value itself."""

    output: str
    reference: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """How results are wanted: which outputs, raw or in a document."""

    outputs: tuple[Wanted, ...]
    as_document: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked request.

    values      by input: JSON values, and ``None`` for what was left out.
    data        by input: what is read or came in the request.
    document    the request as it is kept, data in line told by their number and digest.
    digest      SHA-256 (hex) of the whole request as compact JSON with sorted names.
    """

    values: Mapping[str, Any]
    data: Mapping[str, Named | Features]
    document: Mapping[str, Any]
    digest: str

    @property
    def collections(self) -> dict[str, Named]:
        """Collections that are read, by the inputs that name them."""
        return {name: one for name, one in self.data.items() if isinstance(one, Named)}


def read_request(description: ProcessDescription, document: Mapping[str, Any]) -> Asked:
    """The request in an execute document; raises :class:`Invalid` naming the input and the mend."""
    inputs = _object(document, "inputs")
    for name in inputs:
        if name not in description.inputs:
            raise Invalid(
                "the process has no such input",
                field=name[:80],
                mend="use these: {names}",
                names=", ".join(description.inputs),
            )
    values: dict[str, Any] = {}
    data: dict[str, Named | Features] = {}
    kept: dict[str, Any] = {}
    for name, one in description.inputs.items():
        given = inputs.get(name)
        if given is None:
            if one.needed:
                raise _missing(name, one)
            values[name] = one.default
        elif one.holds is Holds.VALUE:
            values[name] = kept[name] = _value(name, one, given)
        else:
            data[name] = _data(name, one, given)
            kept[name] = _told(data[name], given)
    answered(description, document)
    rest = {member: value for member, value in document.items() if member != "inputs"}
    return Asked(values, data, {**rest, "inputs": kept}, _digest(document))


def answered(description: ProcessDescription, document: Mapping[str, Any]) -> Answered:
    """How an execute document wants its results; raises :class:`Invalid`."""
    response = document.get("response", "raw")
    if response not in {"raw", "document"}:
        raise Invalid("there is no such response", field="response", mend="say raw or document")
    return Answered(_outputs(description.outputs, document), response == "document")


def _object(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name, {})
    if not isinstance(found, dict):
        raise Invalid("this must be an object", field=name, mend="give members by their names")
    return found


def _missing(name: str, one: Input) -> Invalid:
    if one.holds is Holds.VALUE:
        return Invalid("this input is missing", field=name, mend="give a value as its schema says")
    return Invalid(
        "this input is missing",
        field=name,
        mend='name a collection such as {"collection": "roads"}, or give GeoJSON',
    )


def _neither(name: str) -> Invalid:
    return Invalid(
        "this is neither a collection nor GeoJSON",
        field=name,
        mend='name a collection such as {"collection": "roads"}, or give GeoJSON',
    )


def _value(name: str, one: Input, given: Any) -> Any:
    if isinstance(given, dict) and set(given) <= {"value", "mediaType", "schema"} and given:
        given = given.get("value")
    fault = next(_validator(orjson.dumps(one.schema)).iter_errors(given), None)
    if fault is not None:
        raise Invalid(
            "{why}", field=name, mend="give a value as its schema says", why=fault.message[:300]
        )
    return given


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> Any:
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(orjson.loads(schema), validate_formats=True)


def _data(name: str, one: Input, given: Any) -> Named | Features:
    if isinstance(given, str):
        given = {"collection": given}
    if isinstance(given, dict) and "value" in given:
        given = given["value"]
    if not isinstance(given, dict):
        raise _neither(name)
    if "href" in given:
        return Named(_linked(name, given["href"]), {}, {})
    if "collection" in given:
        return _named(name, given)
    if given.get("type") not in _GEOJSON or one.holds is Holds.GRID:
        raise _neither(name)
    return inline_features(name, given)


def _named(name: str, given: Mapping[str, Any]) -> Named:
    for member in given:
        if member not in _NARROWS | _MEANS | {"collection"}:
            raise Invalid(
                "there is no such member",
                field=f"{name}.{member[:80]}",
                mend="use these: {names}",
                names=", ".join(sorted(_NARROWS | _MEANS | {"collection"})),
            )
    collection = given["collection"]
    if not isinstance(collection, str) or not 0 < len(collection) <= 2_000:
        raise Invalid(
            "a collection is named by a text",
            field=f"{name}.collection",
            mend="name a collection of the catalogue",
        )
    slug = _linked(name, collection) if "/" in collection else collection
    narrowed = {key: _text(name, key, given[key]) for key in _NARROWS & given.keys()}
    if isinstance(given.get("filter"), dict):
        narrowed.setdefault("filter-lang", "cql2-json")
    means = {key: _text(name, key, given[key]) for key in _MEANS & given.keys()}
    return Named(slug[:64], means, narrowed)


def _text(name: str, key: str, value: Any) -> str:
    """A member as it would stand in a query."""
    if isinstance(value, dict):
        return orjson.dumps(value).decode()
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        value = ""
    text = str(value)
    if not 0 < len(text) <= _LONGEST:
        raise Invalid("this cannot be read", field=f"{name}.{key}", mend="give a short text")
    return text


def _linked(name: str, href: Any) -> str:
    """The collection in a link to it, or to its items; what is elsewhere is not fetched."""
    parts = href.partition("?")[0].rstrip("/").split("/") if isinstance(href, str) else []
    if "collections" in parts[:-1]:
        return str(parts[parts.index("collections") + 1])
    raise Invalid(
        "only collections of this node are read",
        field=name,
        mend="give the address of a collection of this node, or GeoJSON in the request",
    )


def _told(data: Named | Features, given: Any) -> Any:
    if isinstance(data, Named):
        return {"collection": data.collection, **data.narrowed, **data.means}
    if len(orjson.dumps(given)) <= _SHORT:
        return given
    return {"inline": {"features": len(data), "sha256": _digest(given)}}


def _digest(document: Any) -> str:
    """SHA-256 (hex) of compact JSON with sorted names."""
    return sha256_hex(orjson.dumps(document, option=orjson.OPT_SORT_KEYS))


def _outputs(known: Mapping[str, Output], document: Mapping[str, Any]) -> tuple[Wanted, ...]:
    if not document.get("outputs"):
        return tuple(Wanted(name) for name in known)
    found = []
    for name, how in _object(document, "outputs").items():
        if name not in known:
            raise Invalid(
                "the process has no such output",
                field=f"outputs.{name[:80]}",
                mend="use these: {names}",
                names=", ".join(known),
            )
        mode = how.get("transmissionMode", "value") if isinstance(how, dict) else "value"
        if mode not in {"value", "reference"}:
            raise Invalid(
                "there is no such way to send an output",
                field=f"outputs.{name}.transmissionMode",
                mend="say value or reference",
            )
        found.append(Wanted(name, mode == "reference"))
    return tuple(found)
