"""Objects of one file sorted into families, and what their parents may be."""

from collections.abc import Iterator
from typing import Any

from quanyu.spacetime.cityobjects.model import GROUP, Family, Json, Lost


def families(
    objects: dict[str, Json], vertices: list[list[int]], appearance: Json, line: int | None = None
) -> Iterator[Family | Lost]:
    """The families among objects, in the order of their first members; rings of parents are lost.

    ``line`` is where all of them stand, where they are not counted.
    """
    above = {key: _parents(thing, objects) for key, thing in objects.items()}
    members: dict[str, list[str]] = {}
    for key in objects:
        top = _top(key, above)
        if top is None:
            yield Lost(line or 0, f"object “{key}”: its parents go round in a ring")
        else:
            members.setdefault(top, []).append(key)
    for number, keys in enumerate(members.values(), start=1):
        yield Family(line or number, {key: objects[key] for key in keys}, vertices, appearance)


def _parents(thing: Any, objects: dict[str, Any]) -> list[str]:
    given = thing.get("parents") if isinstance(thing, dict) else None
    return [
        parent
        for parent in (given if isinstance(given, list) else ())
        if isinstance(parent, str) and parent in objects and _type(objects[parent]) != GROUP
    ]


def _type(thing: object) -> object:
    return thing.get("type") if isinstance(thing, dict) else None


def _top(key: str, above: dict[str, list[str]]) -> str | None:
    seen = set()
    while above[key]:
        if key in seen:
            return None
        seen.add(key)
        key = above[key][0]
    return key
