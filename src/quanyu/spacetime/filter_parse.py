"""CQL2 text or JSON into one validated CQL2-JSON form."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, cast

import orjson

from quanyu.kernel import Invalid
from quanyu.spacetime.model import FID, GEOMETRY, VALID, Cql2, Field

Lang = Literal["cql2-text", "cql2-json"]

_MOST_CHARACTERS = 20_000
# The parser tries every way to read nested parentheses: each two more take it five times as long,
# ten are at about 10 ms.
_MOST_NESTED = 10
_MOST_OPERATORS = 64
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"")
_BREAK = re.compile(r"\b(?:and|or)\b|[(),]", re.IGNORECASE)
_OPERATOR = re.compile(r"[-+*/^%=<>]|\b(?:not|div|is|like|between|in)\b", re.IGNORECASE)


def parse_filter(
    source: str | bytes | Mapping[str, Any],
    fields: Iterable[Field] | None = None,
    lang: Lang = "cql2-text",
) -> Cql2:
    """A CQL2 filter (OGC 21-065) as CQL2-JSON.

    ``fields`` are the properties that may be named; ``None`` leaves names for later. Raises
    ``Invalid`` (field ``filter``) with the parser's reason.
    """
    if lang == "cql2-text":
        if not isinstance(source, str):
            source = orjson.dumps(source).decode() if isinstance(source, Mapping) else str(source)
        _check_depth(source)
    elif lang != "cql2-json":
        raise Invalid(
            "“{lang}” is no language of filters",
            field="filter-lang",
            mend="use cql2-text or cql2-json",
            lang=lang,
        )
    parsed = _parse(source, lang)
    expression = {"op": "and", "args": [parsed]} if isinstance(parsed, bool) else parsed
    if not isinstance(expression, Mapping):
        raise Invalid(
            "a filter is true or false of each feature",
            field="filter",
            mend="compare something, such as height > 20",
        )
    if fields is not None:
        known = {field.name for field in fields} | {FID, GEOMETRY, *VALID}
        for name in property_names(expression):
            if name not in known:
                raise unknown_property(name, known, "filter")
    return cast("Cql2", expression)


def property_names(expression: object) -> Iterator[str]:
    """Every property that an expression names."""
    if isinstance(expression, Mapping):
        if isinstance(expression.get("property"), str):
            yield expression["property"]
        for value in expression.values():
            yield from property_names(value)
    elif isinstance(expression, list):
        for value in expression:
            yield from property_names(value)


def unknown_property(name: str, known: Iterable[str], field: str) -> Invalid:
    """The same refusal whether a property is hidden or was never there."""
    return Invalid(
        "there is no property “{name}”",
        field=field,
        mend="use one of: {known}",
        name=name,
        known=", ".join(sorted(known)) or "—",
    )


def _parse(source: object, lang: Lang) -> Any:
    import cql2

    if lang == "cql2-json" and not isinstance(source, str):
        source = source.decode() if isinstance(source, bytes) else orjson.dumps(source).decode()
    if len(cast("str", source)) > _MOST_CHARACTERS * 10:
        raise _too_deep()
    try:
        if lang == "cql2-text":
            return cql2.parse_text(cast("str", source)).to_json()
        return cql2.parse_json(cast("str", source)).to_json()
    except (cql2.ParseError, cql2.ValidationError, ValueError, TypeError, RecursionError) as error:
        raise _unreadable(str(error)) from error
    except BaseException as error:
        # A panic inside the parser is not an Exception; it must still be the caller's 400.
        if type(error).__name__ != "PanicException":
            raise
        raise _unreadable("the parser gave up") from error


def _unreadable(why: str) -> Invalid:
    return Invalid(
        "this is no CQL2 expression: {why}",
        field="filter",
        mend="see OGC 21-065; text such as: height > 20 AND name LIKE 'A%'",
        why=why.strip(),
    )


def _too_deep() -> Invalid:
    return Invalid(
        "the filter is too long or too deeply nested",
        field="filter",
        mend="use at most {characters} characters, {nested} nested parentheses and"
        " {operators} operators in a row",
        characters=_MOST_CHARACTERS,
        nested=_MOST_NESTED,
        operators=_MOST_OPERATORS,
    )


def _check_depth(text: str) -> None:
    # The parser recurses on the machine's stack: what is too deep would end the whole process.
    if len(text) > _MOST_CHARACTERS:
        raise _too_deep()
    bare = _QUOTED.sub("''", text)
    depth = deepest = 0
    for mark in re.findall(r"[()]", bare):
        depth += 1 if mark == "(" else -1
        deepest = max(deepest, depth)
    widest = max(len(_OPERATOR.findall(part)) for part in _BREAK.split(bare))
    if deepest > _MOST_NESTED or widest > _MOST_OPERATORS:
        raise _too_deep()
