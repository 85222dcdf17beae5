"""Whether attributes are as the schema of their kind says; every fault with its place and mend."""

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs

from quanyu.catalogue.codes import Kind
from quanyu.catalogue.kinds.schemas import KindSchema, kind_schema, kind_schemas, schema_with_id
from quanyu.kernel import Invalid

MOST_BYTES, DEEPEST = 200_000, 8
SCHEMA = "$schema"
_SHORT = 80


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a place. ``pointer`` is a JSON pointer (RFC 6901) into the attributes;
    ``detail`` and ``mend`` are message ids with ``params``."""

    pointer: str
    detail: str
    mend: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def error(self) -> Invalid:
        """As an error whose field is ``attributes`` and the pointer."""
        return Invalid(
            self.detail, field=f"attributes{self.pointer}", mend=self.mend, **self.params
        )


def check_attributes(
    kind: Kind, attributes: Mapping[str, Any], *, whole: bool = False
) -> dict[str, Any]:
    """The attributes with blanks cut and ``$schema`` stated; :class:`Invalid` at the first fault.

    Nothing said is allowed, since harvested and older entries may not know; ``whole`` asks for
    what the schema requires even then.
    """
    said = _plain(attributes)
    schema = _schema(kind, said.pop(SCHEMA, None))
    if not said and not whole:
        return {}
    for fault in attribute_faults(schema, said):
        raise fault.error()
    return {SCHEMA: schema.id, **said}


def attribute_faults(schema: KindSchema, attributes: Mapping[str, Any]) -> list[Fault]:
    """Everything that is wrong, in the order of the schema's properties."""
    said = {name: value for name, value in attributes.items() if name != SCHEMA}
    order = {name: place for place, name in enumerate(schema.properties)}
    found = [_fault(schema, error) for error in schema.validator.iter_errors(said)]
    return sorted(found, key=lambda one: order.get(one.pointer.split("/")[1:2][0], -1))


def upgrade_attributes(kind: Kind, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of an older version put as the latest says: renamed and left out by the
    ``x-upgrade`` of each version between. They are not validated; a profile is kept where the
    latest version has it.
    """
    said = dict(attributes)
    stated = schema_with_id(str(said.pop(SCHEMA, "")))
    profile = stated.profile if stated else ""
    known = [one for one in kind_schemas() if one.kind is kind and one.profile == profile]
    for one in sorted(known, key=lambda one: one.version):
        if stated is None or one.version <= stated.version:
            continue
        steps = one.document.get("x-upgrade", {})
        said = {
            steps.get("rename", {}).get(name, name): value
            for name, value in said.items()
            if name not in steps.get("drop", ())
        }
    return {SCHEMA: kind_schema(kind, None, profile).id, **said} if said else {}


def _schema(kind: Kind, stated: object) -> KindSchema:
    if stated is None:
        return kind_schema(kind)
    known = schema_with_id(str(stated))
    if known is None or known.kind is not kind:
        choices = [one.id for one in kind_schemas() if one.kind is kind]
        raise Fault(
            f"/{SCHEMA}",
            "“{value}” is no schema of this kind here",
            "choose among: {choices}",
            {"value": str(stated)[:_SHORT], "choices": ", ".join(choices)},
        ).error()
    return known


def _plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON would carry it, bounded in size and depth, its texts printable."""
    try:
        text = json.dumps(dict(attributes), allow_nan=False, ensure_ascii=False)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise Invalid(
            "the attributes cannot be written as JSON",
            field="attributes",
            mend="give texts, finite numbers, true, false, lists and objects",
        ) from error
    if size > MOST_BYTES:
        raise Invalid(
            "the attributes have more than {most} bytes",
            field="attributes",
            mend="leave some out, or link to a document",
            most=MOST_BYTES,
        )
    clean: dict[str, Any] = _clean(json.loads(text), "", DEEPEST)
    return clean


def _clean(node: Any, pointer: str, deep: int) -> Any:
    if deep == 0:
        raise Invalid(
            "the attributes are nested too deeply",
            field=f"attributes{pointer}",
            mend="put it flat, or link to a document",
        )
    if isinstance(node, dict):
        return {
            name: _clean(value, f"{pointer}/{_token(name)}", deep - 1)
            for name, value in node.items()
        }
    if isinstance(node, list):
        return [_clean(value, f"{pointer}/{n}", deep - 1) for n, value in enumerate(node)]
    if isinstance(node, str):
        if any(unicodedata.category(c) in {"Cc", "Cs"} and c not in "\n\r\t" for c in node):
            raise Invalid(
                "this text has control characters",
                field=f"attributes{pointer}",
                mend="remove what cannot be printed",
            )
        return node.strip()
    return node


_MESSAGES: dict[str, tuple[str, str]] = {
    "minimum": ("{value} is less than {limit}", "give {limit} or more"),
    "maximum": ("{value} is more than {limit}", "give {limit} or less"),
    "exclusiveMinimum": ("{value} is not more than {limit}", "give more than {limit}"),
    "exclusiveMaximum": ("{value} is not less than {limit}", "give less than {limit}"),
    "minLength": ("this text is too short", "write at least {limit} characters"),
    "maxLength": ("this text has more than {limit} characters", "make it shorter"),
    "minItems": ("there are too few here", "give at least {limit}"),
    "maxItems": ("at most {limit} are allowed here", "leave some out"),
    "uniqueItems": ("something stands twice here", "leave the doubles out"),
    "multipleOf": ("{value} is no multiple of {limit}", "give a multiple of {limit}"),
    "pattern": ("“{value}” is not in the form asked for", "write it in the form {limit}"),
    "format": ("“{value}” is not in the form asked for", "write it in the form {limit}"),
    "type": ("“{value}” is not of the type {limit}", "give one of the type {limit}"),
    "enum": ("“{value}” is not one of the values", "choose among: {limit}"),
    "const": ("“{value}” is not one of the values", "choose among: {limit}"),
    "oneOf": ("“{value}” is not one of the values", "choose among: {limit}"),
}
_OTHER = ("“{value}” does not satisfy “{keyword}” of the schema", "see the schema of this kind")


def _fault(schema: KindSchema, error: jsonschema_rs.ValidationError) -> Fault:
    pointer = "".join(f"/{_token(str(part))}" for part in error.instance_path)
    keyword = str(error.schema_path[-1]) if error.schema_path else ""
    within: Any = schema.document
    for part in error.schema_path[:-1]:
        within = within[part]
    found: Any = error.kind  # its attributes differ with its name
    if found.name == "required":
        name = str(found.property)
        return Fault(f"{pointer}/{_token(name)}", "this is missing", "fill it in")
    if found.name == "additionalProperties":
        name = str(found.unexpected[0])
        choices = ", ".join(within.get("properties", {}))
        return Fault(
            f"{pointer}/{_token(name)}",
            "the schema of this kind has no such property",
            "leave it out, or choose among: {choices}",
            {"choices": choices},
        )
    detail, mend = _MESSAGES.get(keyword, _OTHER)
    shown = error.instance if isinstance(error.instance, str) else json.dumps(error.instance)
    params = {"value": shown[:_SHORT], "limit": _limit(within, keyword), "keyword": keyword}
    return Fault(pointer, detail, mend, params)


def _limit(schema: Mapping[str, Any], keyword: str) -> str:
    limit = schema.get(keyword) if isinstance(schema, dict) else None
    if keyword == "oneOf" and isinstance(limit, list):
        return ", ".join(str(one.get("const", one)) for one in limit)
    if keyword == "pattern" and "x-form" in schema:
        return str(schema["x-form"])
    if keyword in {"pattern", "format"} and "examples" in schema:
        return " / ".join(map(str, schema["examples"][:3]))
    return ", ".join(map(str, limit)) if isinstance(limit, list) else str(limit)


def _token(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
