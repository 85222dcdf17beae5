"""An algorithm as it is sent to the data: an application package of OGC API – Processes Part 2.

The package (OGC 20-044, 6.3) is a JSON document: ``processDescription`` says what goes in and what
comes out as Part 1 (18-062r2) does, ``executionUnit`` holds the code, one Python file with a
function ``run`` that takes the inputs by their names and gives a mapping of the outputs.
"""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
import orjson
import rfc8785

from quanyu.kernel import Invalid, one_parser, sha256_hex

ARROW = "application/vnd.apache.arrow.file"
PYTHON = "text/x-python"
MOST_SOURCE = 256 << 10
MOST_DOCUMENT = 64 << 10
LONGEST_TEXT = 256
GROUPS = "x-quanyu-groups"
"""Of an output table: ``by``, the columns that name a group, and ``count``, the column that says
how many rows of the data each group rests on."""

_ID = re.compile(r"[a-z][a-z0-9-]{1,62}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_VERSION = re.compile(r"[A-Za-z0-9.+-]{1,32}")
_COLUMN_TYPES = frozenset({"string", "integer", "number", "boolean"})
_VALUE_TYPES = frozenset({"integer", "number", "boolean"})


@dataclass(frozen=True, slots=True)
class Groups:
    """How an output table says what its rows rest on."""

    by: tuple[str, ...]
    count: str | None


@dataclass(frozen=True, slots=True)
class Declared:
    """An output: a table with ``columns`` (name → JSON type), or one value with a ``schema``."""

    schema: Mapping[str, Any]
    columns: Mapping[str, str] | None = None
    groups: Groups = Groups((), None)


@dataclass(frozen=True, slots=True)
class Package:
    """An algorithm that was read and is well formed. ``digest`` is SHA-256 of the package in its
    canonical form (RFC 8785): another byte is another version."""

    id: str
    version: str
    title: str
    description: str
    data: str
    values: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Declared]
    source: str
    document: Mapping[str, Any]
    digest: str


def read_package(document: Mapping[str, Any]) -> Package:
    """A package out of its document; raises :class:`Invalid` naming the member at fault."""
    description = _object(document, "processDescription", "processDescription")
    where = "processDescription"
    identifier = _text(description, "id", where, _ID, "a–z, 0–9 and hyphens, from a letter on")
    version = _text(description, "version", where, _VERSION, "such as 1.0.0")
    source = _source(document)
    inputs = _object(description, "inputs", f"{where}.inputs")
    data = [name for name, one in inputs.items() if _is_data(one)]
    if len(data) != 1:
        raise Invalid(
            "one input must be the data, and only one",
            field=f"{where}.inputs",
            mend="give one the schema contentMediaType {kind}",
            kind=ARROW,
        )
    values = {name: _value(name, one) for name, one in inputs.items() if name != data[0]}
    outputs = _object(description, "outputs", f"{where}.outputs")
    for name in (*inputs, *outputs):
        if not _NAME.fullmatch(name):
            raise Invalid(
                "“{name}” cannot be the name of an input or output",
                field=where,
                mend="use a–z, 0–9 and _, from a letter on",
                name=name[:80],
            )
    if not outputs:
        raise Invalid("no output is declared", field=f"{where}.outputs", mend="declare one")
    canonical = _canonical(document)
    return Package(
        id=identifier,
        version=version,
        title=str(description.get("title") or identifier)[:200],
        description=str(description.get("description") or "")[:2000],
        data=data[0],
        values=values,
        outputs={name: _output(name, one) for name, one in outputs.items()},
        source=source,
        document=document,
        digest=sha256_hex(canonical),
    )


def check_values(package: Package, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a run is given, with defaults; raises :class:`Invalid` on ``inputs.NAME``."""
    for name in given:
        if name not in package.values:
            raise Invalid(
                "the algorithm has no input {name}",
                field=f"inputs.{name[:80]}",
                mend="use these: {names}",
                name=name[:80],
                names=", ".join(package.values) or "—",
            )
    found = {}
    for name, schema in package.values.items():
        value = given.get(name, schema.get("default"))
        error = next(iter(jsonschema_rs.validator_for(dict(schema)).iter_errors(value)), None)
        if error is not None:
            raise Invalid(
                "this is not what the algorithm declares",
                field=f"inputs.{name}",
                mend="give a value of its schema",
            )
        found[name] = value
    return found


def _canonical(document: Mapping[str, Any]) -> bytes:
    try:
        canonical = rfc8785.dumps(dict(document))
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise Invalid(
            "the package has no canonical form (RFC 8785)",
            field="processDescription",
            mend="use texts and numbers that JSON can carry",
        ) from error
    if len(canonical) > MOST_SOURCE + MOST_DOCUMENT:
        raise Invalid("the package is too large", field="processDescription", mend="shorten it")
    return canonical


def _source(document: Mapping[str, Any]) -> str:
    unit = _object(document, "executionUnit", "executionUnit")
    source = unit.get("value")
    if unit.get("mediaType") != PYTHON or not isinstance(source, str):
        raise Invalid(
            "the code must be one Python file",
            field="executionUnit",
            mend="give “mediaType”: “{kind}” and the text as “value”",
            kind=PYTHON,
        )
    if len(source.encode("utf-8", "replace")) > MOST_SOURCE:
        raise Invalid("the code is too long", field="executionUnit.value", mend="shorten it")
    try:
        with one_parser:
            tree = ast.parse(source, "algorithm.py")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Invalid(
            "the code is no Python that can be compiled: {why}",
            field="executionUnit.value",
            mend="mend the file",
            why=str(error)[:200],
        ) from error
    if not any(isinstance(one, ast.FunctionDef) and one.name == "run" for one in tree.body):
        raise Invalid(
            "the code defines no function “run”",
            field="executionUnit.value",
            mend="define run() with the inputs as its parameters",
        )
    return source


def _is_data(one: Any) -> bool:
    schema = one.get("schema") if isinstance(one, Mapping) else None
    return isinstance(schema, Mapping) and schema.get("contentMediaType") == ARROW


def _value(name: str, one: Any) -> Mapping[str, Any]:
    schema = one.get("schema") if isinstance(one, Mapping) else None
    return _schema(schema, f"processDescription.inputs.{name}.schema")


def _schema(schema: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(schema, Mapping) or not schema:
        raise Invalid("this has no JSON Schema", field=where, mend="give one")
    if b'"$' in orjson.dumps(schema, default=str):
        raise Invalid("a schema may not refer to another", field=where, mend="write it out")
    try:
        jsonschema_rs.validator_for(dict(schema))
    except jsonschema_rs.ValidationError as error:
        raise Invalid("this is no JSON Schema", field=where, mend="mend it") from error
    return schema


def _output(name: str, one: Any) -> Declared:
    where = f"processDescription.outputs.{name}.schema"
    schema = _schema(one.get("schema") if isinstance(one, Mapping) else None, where)
    if schema.get("type") != "array":
        bounded = schema.get("type") == "string" and (
            "enum" in schema or 0 < int(schema.get("maxLength") or 0) <= LONGEST_TEXT
        )
        if schema.get("type") not in _VALUE_TYPES and not bounded:
            raise Invalid(
                "an output is a table, a number, or a short text",
                field=where,
                mend="give the type array of objects, integer, number or boolean, or string "
                "with an enum or a maxLength of {most} at most",
                most=LONGEST_TEXT,
            )
        return Declared(schema)
    items = schema.get("items")
    properties = items.get("properties") if isinstance(items, Mapping) else None
    if not isinstance(properties, Mapping) or not properties:
        raise Invalid(
            "an output table must declare its columns",
            field=where,
            mend="give items.properties, each with a type",
        )
    columns = {}
    for column, said in properties.items():
        kind = said.get("type") if isinstance(said, Mapping) else None
        if kind not in _COLUMN_TYPES:
            raise Invalid(
                "the column {column} has no type that is taken",
                field=where,
                mend="use one of: {types}",
                column=str(column)[:80],
                types=", ".join(sorted(_COLUMN_TYPES)),
            )
        columns[str(column)] = str(kind)
    return Declared(schema, columns, _groups(one, columns, f"processDescription.outputs.{name}"))


def _groups(one: Mapping[str, Any], columns: Mapping[str, str], where: str) -> Groups:
    said = one.get(GROUPS, {})
    by = said.get("by", []) if isinstance(said, Mapping) else None
    count = said.get("count") if isinstance(said, Mapping) else None
    good = isinstance(by, list) and all(name in columns for name in by)
    if not good or (count is not None and columns.get(str(count)) != "integer"):
        raise Invalid(
            "the groups of this table name columns that it does not have",
            field=f"{where}.{GROUPS}",
            mend="give “by”, a list of its columns, and “count”, an integer column",
        )
    return Groups(tuple(by or ()), count)


def _object(document: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    found = document.get(name)
    if not isinstance(found, Mapping):
        raise Invalid("this is missing", field=where, mend="give a JSON object")
    return found


def _text(
    document: Mapping[str, Any], name: str, where: str, form: re.Pattern[str], said: str
) -> str:
    found = document.get(name)
    if not isinstance(found, str) or not form.fullmatch(found):
        raise Invalid(
            "this is not in the form asked for",
            field=f"{where}.{name}",
            mend="write it so: {form}",
            form=said,
        )
    return found
