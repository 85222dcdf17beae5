"""Forms out of the schema of a kind, and attributes out of what such a form sends.

An input is named ``attributes`` and its JSON pointer, such as ``attributes/sensor/model``. Lists of
texts are lines; lists of objects are rows, with a few empty ones to fill: all without scripts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from quanyu.catalogue import Fault, Kind, KindSchema, attribute_faults, kind_schema, kind_schemas
from quanyu.kernel import Language, LocalText, NotFound, translate

ROOT = "attributes"
SCHEMA = "$schema"
SPARE_ROWS, MOST_ROWS = 2, 200
_LONG = 500


@dataclass(frozen=True, slots=True)
class Input:
    """One input: ``form`` is text, long, number, date, datetime-local, url, email, select, checks,
    lines, group or rows."""

    name: str
    form: str
    title: str
    description: str = ""
    value: Any = ""
    required: bool = False
    unit: str = ""
    options: tuple[tuple[str, str], ...] = ()
    suggestions: tuple[str, ...] = ()
    limits: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple["Input", ...] = ()
    rows: tuple[tuple["Input", ...], ...] = ()
    fault: str = ""

    @property
    def id(self) -> str:
        """For labels."""
        return self.name.replace("/", "-")


def attribute_form(
    kind: Kind,
    attributes: Mapping[str, Any],
    language: Language,
    *,
    faults: bool = False,
    profile: str = "",
) -> dict[str, Any]:
    """What ``parts/attributes.html`` shows; with ``faults`` each input says what is wrong."""
    schema = schema_of(kind, attributes, profile)
    wrong = {one.pointer: one for one in attribute_faults(schema, attributes)} if faults else {}
    maker = _Maker(language, wrong)
    others = [one for one in kind_schemas() if one.kind is kind and one.profile]
    return {
        "attribute_inputs": maker.inputs(schema.document, attributes, ROOT, ""),
        "attribute_schema": schema.id,
        "attribute_profiles": [
            {"id": one.profile, "name": one.title.to(language), "on": one.profile == schema.profile}
            for one in others
            if one.version == schema.version
        ],
    }


def read_attributes(kind: Kind, form: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that a form sent; what cannot be read as its type stays text, for the
    validation to name. ``form`` has ``getlist`` as Starlette's has."""
    stated = str(form.get(f"{ROOT}/{SCHEMA}", ""))
    schema = schema_of(kind, {SCHEMA: stated})
    said = _object(schema.document, form, ROOT)
    return {SCHEMA: schema.id, **said} if said else {}


def schema_of(kind: Kind, attributes: Mapping[str, Any], profile: str = "") -> KindSchema:
    """The schema that the attributes state, else the latest."""
    stated = attributes.get(SCHEMA)
    for one in kind_schemas():
        if one.kind is kind and one.id == stated:
            return one
    try:
        return kind_schema(kind, None, profile)
    except NotFound:
        return kind_schema(kind)


@dataclass(frozen=True, slots=True)
class _Maker:
    language: Language
    faults: Mapping[str, Fault]

    def inputs(
        self, schema: Mapping[str, Any], said: Mapping[str, Any], name: str, pointer: str
    ) -> tuple[Input, ...]:
        required = schema.get("required", ())
        return tuple(
            self._input(
                part, said.get(key), f"{name}/{key}", f"{pointer}/{key}", needed=key in required
            )
            for key, part in schema["properties"].items()
        )

    def _input(
        self, schema: Mapping[str, Any], value: Any, name: str, pointer: str, *, needed: bool
    ) -> Input:
        title, about = self._text(schema, "title"), self._text(schema, "description")
        fault = self.faults.get(pointer)
        told = _told(fault, self.language) if fault else ""
        base = {
            "name": name, "title": title or name.rpartition("/")[2], "description": about,
            "required": needed, "unit": schema.get("x-unit", ""), "fault": told,
        }  # fmt: skip
        match schema.get("type"):
            case "object":
                inner = value if isinstance(value, dict) else {}
                return Input(**base, form="group", parts=self.inputs(schema, inner, name, pointer))
            case "array":
                return self._list(schema, value if isinstance(value, list) else [], base, pointer)
            case "boolean":
                yes, no = (translate(self.language, text) for text in ("Yes", "No"))
                shown = {True: "true", False: "false"}.get(value, "")
                options = (("true", yes), ("false", no))
                return Input(**base, form="select", value=shown, options=options)
        shown = "" if value is None else str(value)
        if "oneOf" in schema:
            return Input(**base, form="select", value=shown, options=self._options(schema))
        return Input(
            **base,
            form=_form(schema),
            value=shown,
            suggestions=tuple(map(str, schema.get("examples", ()))),
            limits=_limits(schema),
        )

    def _list(
        self, schema: Mapping[str, Any], values: list[Any], base: dict[str, Any], pointer: str
    ) -> Input:
        items = schema["items"]
        if items.get("type") == "object":
            filled = [*values, *({} for _ in range(SPARE_ROWS))]
            rows = tuple(
                self.inputs(
                    items,
                    row if isinstance(row, dict) else {},
                    f"{base['name']}/{n}",
                    f"{pointer}/{n}",
                )
                for n, row in enumerate(filled)
            )
            return Input(**base, form="rows", rows=rows)
        texts = [str(value) for value in values]
        if "oneOf" in items:
            return Input(**base, form="checks", value=texts, options=self._options(items))
        return Input(**base, form="lines", value="\n".join(texts))

    def _options(self, schema: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        return tuple(
            (str(one["const"]), self._text(one, "title") or str(one["const"]))
            for one in schema["oneOf"]
        )

    def _text(self, schema: Mapping[str, Any], name: str) -> str:
        zh, en = schema.get("x-zh", {}).get(name, ""), schema.get(name, "")
        return LocalText(zh=zh, en=en).to(self.language) if zh or en else ""


def _told(fault: Fault, language: Language) -> str:
    texts = (translate(language, text, **fault.params) for text in (fault.detail, fault.mend))
    return " · ".join(texts)


def _form(schema: Mapping[str, Any]) -> str:
    if schema.get("type") in {"number", "integer"}:
        return "number"
    by_format = {"date": "date", "uri": "url", "email": "email"}
    if schema.get("format") in by_format:
        return by_format[schema["format"]]
    return "long" if schema.get("maxLength", 0) > _LONG else "text"


def _limits(schema: Mapping[str, Any]) -> dict[str, Any]:
    names = {"minimum": "min", "maximum": "max", "maxLength": "maxlength"}
    found = {html: schema[name] for name, html in names.items() if name in schema}
    if schema.get("type") in {"number", "integer"}:
        found["step"] = "any" if schema["type"] == "number" else 1
    return found


def _object(schema: Mapping[str, Any], form: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = {key: _value(part, form, f"{name}/{key}") for key, part in schema["properties"].items()}
    return {key: value for key, value in found.items() if value not in (None, "", [], {})}


def _value(schema: Mapping[str, Any], form: Mapping[str, Any], name: str) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return _object(schema, form, name)
    if kind == "array":
        items = schema["items"]
        if items.get("type") == "object":
            rows = (_object(items, form, f"{name}/{n}") for n in range(_rows(form, name)))
            return [row for row in rows if row]
        if "oneOf" in items:
            return [str(text) for text in form.getlist(name)]  # type: ignore[attr-defined]
        lines = (line.strip() for line in str(form.get(name, "")).splitlines())
        return [line for line in lines if line]
    return _scalar(str(kind), str(form.get(name, "")).strip())


def _scalar(kind: str, text: str) -> Any:
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text or None)
    if kind in {"number", "integer"} and text:
        try:
            number = float(text)
        except ValueError:
            return text
        whole = number.is_integer() and "." not in text and "e" not in text.lower()
        return int(text) if whole else number if abs(number) < float("inf") else text
    return text or None


def _rows(form: Mapping[str, Any], name: str) -> int:
    """How many rows a form sent for a list of objects."""
    start = f"{name}/"
    numbers = (key[len(start) :].partition("/")[0] for key in form if str(key).startswith(start))
    return min(MOST_ROWS, max((int(n) + 1 for n in numbers if n.isdecimal()), default=0))
