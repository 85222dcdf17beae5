"""The text index: FTS5 on SQLite, GIN over ``tsvector`` on PostgreSQL, one behaviour.

Both hold the same words and know only which entry has which; neither cuts texts or ranks. What is
sought is one expression of both: words, and *tags* (words that begin with ``_``, which no text's
can) for the values of facets, extents and times, so that the index meets every filter at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    bindparam,
    cast,
    column,
    delete,
    func,
    insert,
    literal,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from quanyu.catalogue.finding.question import Question, Term, Terms
from quanyu.catalogue.finding.words import stem

_FTS = table(
    "resource_text", *(column(name) for name in ("rowid", "title", "keywords", "rest", "tags"))
)
_TSV = table(
    "resource_text",
    column("number"),
    column("title"),
    column("keywords"),
    column("words", postgresql.TSVECTOR),
)
_MOST_WORDS = 20_000


@dataclass(frozen=True, slots=True)
class Indexed:
    """The words of an entry, by where they stand, and its tags."""

    title: Sequence[str]
    keywords: Sequence[str]
    rest: Sequence[str]
    tags: Sequence[str]


@dataclass(frozen=True, slots=True)
class Sought:
    """What the index is asked: the question, and groups of tags of each of which one is there.

    without   tags that no entry found may have, unless it has one of ``unless``. Where nearly all
              entries are public this is far quicker than to ask for the tag that they all have.
    in_title  asks for the question's words in the title alone.
    """

    question: Question = ()
    tags: tuple[tuple[str, ...], ...] = ()
    in_title: bool = False
    without: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


def put_text(connection: Connection, number: int, words: Indexed) -> None:
    """Index an entry, in place of what was indexed of it before."""
    if connection.dialect.name == "sqlite":
        connection.execute(delete(_FTS).where(_FTS.c.rowid == number))
    else:
        connection.execute(delete(_TSV).where(_TSV.c.number == number))
    add_texts(connection, [(number, words)])


def add_texts(connection: Connection, entries: Iterable[tuple[int, Indexed]]) -> None:
    """Index entries that the index does not have."""
    if connection.dialect.name == "sqlite":
        rows = [
            {
                "rowid": number,
                "title": " ".join(words.title),
                "keywords": " ".join(words.keywords),
                "rest": " ".join(words.rest[:_MOST_WORDS]),
                "tags": " ".join(words.tags),
            }
            for number, words in entries
        ]
        connection.execute(insert(_FTS), rows)
        return
    lexemes = cast(bindparam("words"), postgresql.ARRAY(postgresql.TEXT))
    statement = insert(_TSV).values(
        number=bindparam("number"),
        title=bindparam("title"),
        keywords=bindparam("keywords"),
        words=func.array_to_tsvector(lexemes),
    )
    connection.execute(statement, [_vector_row(number, words) for number, words in entries])


def _vector_row(number: int, words: Indexed) -> dict[str, Any]:
    everything = (*words.title, *words.keywords, *words.rest[:_MOST_WORDS], *words.tags)
    titled = (f"={word}" for word in words.title)
    return {
        "number": number,
        "title": " ".join(words.title),
        "keywords": " ".join(words.keywords),
        "words": list(dict.fromkeys((*everything, *titled))),
    }


def texts_table(session: Session) -> Mapping[str, ColumnElement[Any]]:
    """The index's columns: ``number``, ``title``, ``keywords``."""
    if is_sqlite(session):
        return {"number": _FTS.c.rowid, "title": _FTS.c.title, "keywords": _FTS.c.keywords}
    return {"number": _TSV.c.number, "title": _TSV.c.title, "keywords": _TSV.c.keywords}


def matches(session: Session, sought: Sought) -> ColumnElement[bool] | None:
    """The condition on the index; ``None`` when nothing narrows."""
    if not (sought.question or sought.tags):
        return None
    if is_sqlite(session):
        whole: ColumnElement[str] = literal_column("resource_text")
        return whole.op("MATCH")(_fts_query(sought))
    return _TSV.c.words.op("@@")(cast(_ts_query(sought), postgresql.TSQUERY))


def is_sqlite(session: Session) -> bool:
    """Whether the control store is SQLite."""
    return session.get_bind().dialect.name == "sqlite"


def among(
    session: Session, column: ColumnElement[Any], numbers: Iterable[int]
) -> ColumnElement[bool]:
    """Whether a column is one of many numbers, sent as one parameter."""
    listed = [int(number) for number in numbers]
    if is_sqlite(session):
        each = func.json_each(orjson.dumps(listed).decode()).table_valued("value")
        return column.in_(select(each.c.value))
    return column == func.any(literal(listed, postgresql.ARRAY(BigInteger)))


def _fts_query(sought: Sought) -> str:
    # Words are letters and digits only, so quoting them leaves nothing to escape.
    words = _join(sought.question, '"{}"', " OR ", " AND ")
    if words and sought.in_title:
        words = f"title : ({words})"
    tags = [" OR ".join(f'"{tag}"' for tag in group) for group in sought.tags]
    found = " AND ".join([*([f"({words})"] if words else []), *(f"({group})" for group in tags)])
    if not sought.without:
        return found
    without = " OR ".join(f'"{tag}"' for tag in sought.without)
    unless = "".join(f' NOT "{tag}"' for tag in sought.unless)
    return f"({found}) NOT (({without}){unless})"


def _ts_query(sought: Sought) -> str:
    words = _join(sought.question, "'={}'" if sought.in_title else "'{}'", " | ", " & ")
    tags = [" | ".join(f"'{tag}'" for tag in group) for group in sought.tags]
    found = " & ".join([*([f"({words})"] if words else []), *(f"({group})" for group in tags)])
    if not sought.without:
        return found
    without = " | ".join(f"'{tag}'" for tag in sought.without)
    unless = "".join(f" & !'{tag}'" for tag in sought.unless)
    return f"({found}) & !(({without}){unless})"


def _join(question: Question, word: str, either: str, both: str) -> str:
    def form(words: Iterable[str]) -> str:
        parts = [word.format(one) for one in words]
        return f"({both.join(parts)})" if len(parts) > 1 else parts[0]

    def terms(alternative: Terms) -> str:
        return both.join(f"({either.join(map(form, _fewest(term)))})" for term in alternative)

    return either.join(f"({terms(alternative)})" for alternative in question)


def _fewest(term: Term) -> list[tuple[str, ...]]:
    """The forms that find all that the others do: where a word stands, its stem does too."""
    sets = dict.fromkeys(frozenset(map(stem, form.words)) for form in term.forms)
    return [tuple(sorted(one)) for one in sets if not any(other < one for other in sets)]
