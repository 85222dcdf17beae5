"""Options back into text, for the links of inner pages."""

from datetime import datetime
from urllib.parse import quote

from quanyu.streams.asked import Asked, Call, Duration, Options, Path, Shape, Span
from quanyu.streams.expressions import COMPARISONS, Value
from quanyu.streams.times import written

_BETWEEN = frozenset({*COMPARISONS, "and", "or", "add", "sub", "mul", "div", "mod"})


def query_of(options: Options, *, skip: int) -> str:
    """The query of a collection with these options, from a row on."""
    parts = _parts(options)
    parts["$skip"] = str(skip)
    return "&".join(f"{name}={quote(text, safe='$()/:,;=@')}" for name, text in parts.items())


def _parts(options: Options) -> dict[str, str]:
    found: dict[str, str] = {}
    if options.filter is not None:
        found["$filter"] = text_of(options.filter)
    if options.orderby:
        found["$orderby"] = ",".join(
            text_of(key.of) + (" desc" if key.descending else "") for key in options.orderby
        )
    if options.select:
        found["$select"] = ",".join("/".join(steps) for steps in options.select)
    if options.expand:
        found["$expand"] = ",".join(_inner(name, one) for name, one in options.expand)
    if options.top is not None:
        found["$top"] = str(options.top)
    if options.skip:
        found["$skip"] = str(options.skip)
    if options.count:
        found["$count"] = "true"
    return found


def _inner(name: str, options: Options) -> str:
    inside = ";".join(f"{option}={text}" for option, text in _parts(options).items())
    return f"{name}({inside})" if inside else name


def text_of(asked: Asked) -> str:  # noqa: PLR0911 (a case each)
    """An expression as text that reads back as the same."""
    match asked:
        case Path(steps):
            return "/".join(steps)
        case Shape(text):
            return f"geography'{text}'"
        case Span(start, end):
            return f"{written(start)}/{written(end)}"
        case Duration(length):
            return f"duration'PT{length.total_seconds():f}S'"
        case Value(value):
            return _literal(value)
        case Call(name, args) if name in _BETWEEN:
            return "(" + f" {name} ".join(text_of(one) for one in args) + ")"
        case Call("not", (one,)):
            return f"not ({text_of(one)})"
        case Call("neg", (one,)):
            return f"-({text_of(one)})"
        case Call(name, args):
            return f"{name}({','.join(text_of(one) for one in args)})"


def _literal(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case datetime():
            return written(value) or ""
        case str():
            return "'" + value.replace("'", "''") + "'"
        case _:
            return repr(value)
