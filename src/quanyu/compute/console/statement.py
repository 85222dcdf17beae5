"""A caller's SQL: read, and every table in it replaced by a name that only its view has.

The names of views are ours and no caller's text can hold one: so whatever a table is called, it is
a view, a query of the statement's own ``WITH``, or nothing.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quanyu.kernel import Invalid

if TYPE_CHECKING:
    from sqlglot import exp

LONGEST = 20_000
MOST_TABLES = 8
_DEEPEST = 200
VIEW = "quanyu:table:"
"""Prefix of a view's name; a colon is in no slug."""
WITH = "quanyu:with:"
"""Prefix of the names of a statement's own queries."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that is one query. ``tables`` are the datasets it names, in order; ``sql`` is
    DuckDB's text of it over views called ``quanyu:table:{slug}``."""

    text: str
    tables: tuple[str, ...]
    sql: str


def read_statement(text: str) -> Statement:
    """The statement of a text; raises ``Invalid`` (``sql``) for anything but one query.

    This is the first of two readers: the process that runs it asks DuckDB's own parser what it
    understands, and lets nothing pass that is not on its lists.
    """
    if len(text) > LONGEST:
        raise Invalid(
            "the statement is longer than {most} characters",
            field="sql",
            mend="shorten it",
            most=LONGEST,
        )
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    _check_depth(text)
    try:
        found = [one for one in sqlglot.parse(text, dialect="duckdb") if one is not None]
    except (SqlglotError, RecursionError, ValueError) as error:
        raise _no_query(str(error).splitlines()[0][:200]) from error
    if len(found) != 1 or not isinstance(found[0], exp.Query):
        raise _no_query("one SELECT is needed, and nothing else")
    query = found[0]
    names = {with_.alias.lower() for with_ in query.find_all(exp.CTE)}
    tables = _rename(query, names)
    if len(tables) > MOST_TABLES:
        raise Invalid(
            "a statement names {most} tables at most",
            field="sql",
            mend="ask in several steps",
            most=MOST_TABLES,
        )
    try:
        sql = query.sql(dialect="duckdb", comments=False)
    except (SqlglotError, RecursionError) as error:
        raise _no_query(str(error).splitlines()[0][:200]) from error
    return Statement(text, tables, sql)


def view_name(slug: str) -> str:
    """The name of the view of a dataset."""
    return VIEW + slug


def _rename(query: "exp.Query", names: set[str]) -> tuple[str, ...]:
    from sqlglot import exp

    tables: dict[str, None] = {}
    for table in list(query.find_all(exp.Table)):
        if not isinstance(table.this, exp.Identifier):
            continue  # a function as a table: whether it may be called is looked at where it runs
        if table.args.get("db") is not None or table.args.get("catalog") is not None:
            raise _unknown_table(".".join(part.name for part in table.parts))
        name = table.name
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
        if name.lower() in names:
            table.set("this", exp.to_identifier(WITH + name.lower(), quoted=True))
            continue
        slug = name.lower()
        if ":" in slug or not slug:
            raise _unknown_table(name)
        tables[slug] = None
        table.set("this", exp.to_identifier(view_name(slug), quoted=True))
    for with_ in query.find_all(exp.CTE):
        if not with_.alias.isidentifier():
            raise _no_query(f"“{with_.alias[:80]}” cannot be the name of a query")
        alias = with_.args["alias"]
        alias.set("this", exp.to_identifier(WITH + with_.alias.lower(), quoted=True))
    return tuple(tables)


def _check_depth(text: str) -> None:
    """Parsers are recursive; parentheses bound how deep they go."""
    depth = deepest = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    if deepest > _DEEPEST:
        raise _no_query("it is nested too deeply")


def _unknown_table(name: str) -> Invalid:
    return Invalid(
        "there is no table “{name}” here",
        field="sql",
        mend="name datasets by their slugs, without a schema",
        name=name[:80],
    )


def _no_query(why: str) -> Invalid:
    return Invalid(
        "this cannot be run: {why}",
        field="sql",
        mend="write one SELECT; see docs/reference/sql.md",
        why=why,
    )


def restored(message: str) -> str:
    """A message of the engine with the caller's own names."""
    return message.replace(VIEW, "").replace(WITH, "")
