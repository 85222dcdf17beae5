"""Attributes for people: names and values in both languages, and the words to find them by."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from quanyu.catalogue.codes import Kind
from quanyu.catalogue.kinds.check import SCHEMA
from quanyu.catalogue.kinds.schemas import kind_schema, schema_with_id, text_of
from quanyu.catalogue.model import ResourceDraft
from quanyu.kernel import LocalText

_YES, _NO = LocalText(zh="是", en="Yes"), LocalText(zh="否", en="No")
_LONGEST = 4_000


@dataclass(frozen=True, slots=True)
class Shown:
    """An attribute: ``texts`` of a value or of each in a list, ``parts`` of an object, ``rows`` of
    a list of objects. ``href`` where the value is an address."""

    name: str
    title: LocalText
    texts: tuple[LocalText, ...] = ()
    unit: str = ""
    href: str = ""
    parts: tuple["Shown", ...] = ()
    rows: tuple[tuple["Shown", ...], ...] = ()


def shown_attributes(kind: Kind, attributes: Mapping[str, Any]) -> tuple[Shown, ...]:
    """In the schema's order; what no schema knows (any more) under its bare name, last."""
    schema = schema_with_id(str(attributes.get(SCHEMA, ""))) or kind_schema(kind)
    return _parts(schema.properties, attributes)


def attribute_words(draft: ResourceDraft) -> str:
    """Texts and names of values, in both languages, for the text index; no addresses."""
    found = (word for one in shown_attributes(draft.kind, draft.attributes) for word in _words(one))
    return " ".join(dict.fromkeys(found))[:_LONGEST]


def _parts(properties: Mapping[str, Any], said: Mapping[str, Any]) -> tuple[Shown, ...]:
    names = [name for name in properties if name in said]
    names += [name for name in said if name not in properties and name != SCHEMA]
    return tuple(_shown(name, properties.get(name, {}), said[name]) for name in names)


def _shown(name: str, schema: Mapping[str, Any], value: Any) -> Shown:
    title = text_of(schema, "title") if "title" in schema else LocalText(en=name)
    unit = str(schema.get("x-unit", ""))
    if isinstance(value, dict):
        return Shown(name, title, parts=_parts(schema.get("properties", {}), value))
    if isinstance(value, list):
        items = schema.get("items", {})
        if all(isinstance(item, dict) for item in value):
            inner = items.get("properties", {})
            return Shown(name, title, rows=tuple(_parts(inner, item) for item in value))
        return Shown(name, title, tuple(_text(items, item) for item in value), unit)
    href = value if schema.get("format") == "uri" and isinstance(value, str) else ""
    safe = href if href.startswith(("https://", "http://")) else ""
    return Shown(name, title, (_text(schema, value),), unit, safe)


def _text(schema: Mapping[str, Any], value: Any) -> LocalText:
    if isinstance(value, bool):
        return _YES if value else _NO
    for one in schema.get("oneOf", ()):
        if isinstance(one, dict) and one.get("const") == value and "title" in one:
            return text_of(one, "title")
    return LocalText(en=f"{value:,}" if isinstance(value, int) else str(value) or " ")


def _words(shown: Shown) -> Iterator[str]:
    if shown.href:
        return
    for text in shown.texts:
        yield from (part.strip() for part in (text.zh, text.en) if part.strip())
    inner = (part for row in shown.rows for part in row)
    for part in (*shown.parts, *inner):
        yield from _words(part)
