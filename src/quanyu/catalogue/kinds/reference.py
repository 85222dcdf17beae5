"""The reference page of the kinds, made from their schemas."""

from collections.abc import Iterator, Mapping
from typing import Any

from quanyu.catalogue.kinds.schemas import KindSchema, kind_schemas, text_of

_HEAD = """# Kinds and their attributes

Made from `src/quanyu/catalogue/kinds/schemas` by `python tools/reference.py`. Every entry has the
common core; these are the `attributes` that its kind adds. A node serves each as JSON Schema
(draft 2020-12) at `/schemas/{kind}/{version}.json`. An entry states the one it was validated
against in `attributes["$schema"]`. Attributes with * are required as soon as any is given.
"""


def kinds_document() -> str:
    """The page in Markdown, names in both languages."""
    own = [one for one in kind_schemas() if not one.profile]
    common = set(own[0].properties).intersection(*(one.properties for one in own))
    parts = [_HEAD, "\n## Every kind\n\n", *_table(own[0].properties, sorted(common), ())]
    for one in own:
        parts += _section(one, common)
    return "".join(parts)


def _section(schema: KindSchema, common: Any) -> Iterator[str]:
    about = text_of(schema.document, "description")
    yield f"\n## {schema.title.en} {schema.title.zh} `{schema.kind.value}` {schema.version}\n\n"
    yield f"{about.en} {about.zh}\n\n"
    names = [name for name in schema.properties if name not in common]
    yield from _table(schema.properties, names, schema.document.get("required", ()))


def _table(properties: Mapping[str, Any], names: Any, required: Any) -> Iterator[str]:
    yield "| attribute | | what | form |\n|---|---|---|---|\n"
    for name in names:
        schema = properties[name]
        title, about = text_of(schema, "title"), text_of(schema, "description")
        star = "*" if name in required else ""
        words = " ".join(text for text in (about.en.strip(), about.zh.strip()) if text)
        form = _cell(_form(schema))
        yield f"| `{name}`{star} | {title.en} {title.zh} | {_cell(words)} | {form} |\n"


def _form(schema: Mapping[str, Any]) -> str:
    if "oneOf" in schema:
        return ", ".join(f"`{one['const']}`" for one in schema["oneOf"])
    if schema.get("type") == "array":
        return f"list of {_form(schema['items'])}"
    if schema.get("type") == "object":
        wanted = schema.get("required", ())
        names = (f"`{name}`{'*' if name in wanted else ''}" for name in schema["properties"])
        return f"object: {', '.join(names)}"
    more = [str(schema[name]) for name in ("format", "x-unit") if name in schema]
    return " ".join([str(schema.get("type", "any")), *more])


def _cell(text: str) -> str:
    return text.replace("|", "\\|") or "—"
