"""Properties of features as attributes: texts, numbers, lists of repeated ones, trees of others."""

from typing import Any

from quanyu.spacetime.cityobjects.citygml.names import NUMBERS, WHOLE, local, referred
from quanyu.spacetime.cityobjects.model import Json

_GENERIC = {
    "stringAttribute": str, "intAttribute": int, "doubleAttribute": float, "dateAttribute": str,
    "uriAttribute": str, "measureAttribute": float, "codeAttribute": str,
    "StringAttribute": str, "IntAttribute": int, "DoubleAttribute": float, "DateAttribute": str,
    "UriAttribute": str, "MeasureAttribute": float, "CodeAttribute": str,
}  # fmt: skip
_SETS = frozenset({"genericAttributeSet", "GenericAttributeSet"})


def put(attributes: Json, name: str, value: Any) -> None:
    """Set an attribute; a name that comes again makes a list."""
    if value is None:
        return
    if name not in attributes:
        attributes[name] = value
    elif isinstance(attributes[name], list):
        attributes[name].append(value)
    else:
        attributes[name] = [attributes[name], value]


def generic(element: Any, attributes: Json) -> bool:
    """Take a generic attribute of either version; says whether it was one."""
    name = local(element)
    if name == "genericAttribute":
        return sum(generic(child, attributes) for child in element) > 0
    if name in _SETS:
        inside: Json = {}
        for child in element:
            generic(child, inside)
        put(attributes, element.get("name") or _child(element, "name") or name, inside)
        return True
    kind = _GENERIC.get(name)
    if kind is None:
        return False
    put(
        attributes,
        element.get("name") or _child(element, "name") or name,
        _typed(_child(element, "value"), kind),
    )
    return True


def plain(element: Any) -> Any:
    """The value of a property: a text or number, or a tree of what is inside."""
    children = [child for child in element if isinstance(child.tag, str)]
    if not children:
        text = (element.text or "").strip()
        if not text:
            return None
        if local(element) in WHOLE:
            return _typed(text, int)
        return _typed(text, float) if local(element) in NUMBERS or element.get("uom") else text
    if len(children) == 1 and local(children[0])[:1].isupper():
        return plain(children[0])  # the object that a property holds
    found: Json = {}
    for child in children:
        if not referred(child):
            put(found, local(child), plain(child))
    return found or None


def address(element: Any) -> Json | None:
    """An xAL address as the parts that it names."""
    found: Json = {}
    for child in element.iter():
        name = local(child)
        text = (child.text or "").strip() if isinstance(child.tag, str) else ""
        if text and name not in {"posList", "pos"}:
            put(found, child.get("Type") or name, text)
    return found or None


def _typed(text: str | None, kind: type) -> Any:
    if text is None:
        return None
    try:
        value = kind(text)
    except ValueError:
        return text
    # What is no number in JSON stays the text that it is.
    return text if isinstance(value, float) and not -1e300 < value < 1e300 else value


def _child(element: Any, name: str) -> str | None:
    for child in element:
        if local(child) == name and child.text:
            return str(child.text).strip()
    return None
