"""What an application would change, field by field, the words that differ marked."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from quanyu.catalogue.model import ResourceDraft
from quanyu.catalogue.rows import document

_WORD = re.compile(r"[A-Za-z0-9]+|\s+|.", re.DOTALL)
_MOST_WORDS = 1_500
_LINE = re.compile(r"[^\n。.;；]*[\n。.;；]*")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text: ``same``, ``gone`` (only before) or ``new`` (only after)."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs. ``field`` is the field of the description, ``path`` what in it.

    ``old`` or ``new`` is empty when it was not there, or is not there any more.
    """

    field: str
    path: str
    old: str
    new: str
    pieces: tuple[Piece, ...]


def differences(old: ResourceDraft, new: ResourceDraft) -> tuple[Difference, ...]:
    """Everything in which two descriptions differ, in the order of the description."""
    before, after = _flat(document(old)), _flat(document(new))
    names = list(dict.fromkeys([*before, *after]))
    order = {field: place for place, field in enumerate(document(old))}
    names.sort(key=lambda name: order.get(name[0], len(order)))
    return tuple(
        Difference(
            field,
            path,
            before.get((field, path), ""),
            after.get((field, path), ""),
            pieces(before.get((field, path), ""), after.get((field, path), "")),
        )
        for field, path in names
        if before.get((field, path), "") != after.get((field, path), "")
    )


def described(draft: ResourceDraft) -> tuple[tuple[str, str, str], ...]:
    """A whole description in the same flat form: field, what in it, value."""
    return tuple((field, path, text) for (field, path), text in _flat(document(draft)).items())


def pieces(old: str, new: str) -> tuple[Piece, ...]:
    """The runs of text that two texts share, and those that only one has."""
    before, after = _WORD.findall(old), _WORD.findall(new)
    if len(before) > _MOST_WORDS or len(after) > _MOST_WORDS:
        before, after = ([p for p in _LINE.findall(text) if p] for text in (old, new))
    found: list[Piece] = []
    matcher = SequenceMatcher(None, before, after, autojunk=len(before) > _MOST_WORDS)
    for tag, i, j, k, m in matcher.get_opcodes():
        gone, come = "".join(before[i:j]), "".join(after[k:m])
        if tag == "equal":
            found.append(Piece("same", gone))
            continue
        found += [Piece(kind, text) for kind, text in (("gone", gone), ("new", come)) if text]
    return tuple(found)


def _flat(said: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    return {
        (field, path): text
        for field, value in said.items()
        for path, text in _leaves(value, "")
        if text
    }


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Paths and texts below a value; lists of named things go by their names."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name != "name" or not path:
                yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        for place, item in enumerate(value, 1):
            name = item.get("name") or item.get("url") or str(place)
            yield from _leaves(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        yield path, ", ".join(_text(item) for item in value if item is not None)
    else:
        yield path, _text(value)


def _text(value: Any) -> str:
    if value is None or value is False:
        return ""
    return "✓" if value is True else str(value)
