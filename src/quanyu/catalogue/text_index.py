"""The text index: FTS5 on SQLite, a GIN index over ``tsvector`` on PostgreSQL, one behaviour.

Both hold the same words (:mod:`words`); neither database cuts texts itself. Scores are comparable
within one search only, the best first: BM25 on SQLite, ``ts_rank`` divided by the length's
logarithm on PostgreSQL, with the same weights for title, keywords, abstract and the rest.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence

from sqlalchemy import (
    CTE,
    ColumnElement,
    Double,
    bindparam,
    cast,
    column,
    delete,
    func,
    insert,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import KINDS, THEMES, Sensitivity
from quanyu.catalogue.model import Resource
from quanyu.catalogue.words import Term, index_words
from quanyu.kernel import LocalText

_PARTS = ("title", "keywords", "abstract", "other")
_WEIGHTS = (10.0, 6.0, 3.0, 1.0)
_MOST_WORDS = 20_000
_LAST_POSITION = 16_383

_FTS = table("resource_text", column("rowid"), *(column(part) for part in _PARTS))
_TSV = table("resource_text", column("number"), column("words", postgresql.TSVECTOR))


def put_words(session: Session, number: int, resource: Resource) -> None:
    """Index an entry, in place of what was indexed of it before."""
    parts = [list(index_words(text))[:_MOST_WORDS] for text in _texts(resource)]
    if _is_sqlite(session):
        session.execute(delete(_FTS).where(_FTS.c.rowid == number))
        row = dict(zip(_PARTS, map(" ".join, parts), strict=True))
        session.execute(insert(_FTS).values(rowid=number, **row))
    else:
        session.execute(delete(_TSV).where(_TSV.c.number == number))
        words = cast(bindparam("words", _vector(parts)), postgresql.TSVECTOR)
        session.execute(insert(_TSV).values(number=number, words=words))


def matching(
    session: Session, alternatives: Sequence[Sequence[Term]], *, scored: bool = True
) -> CTE:
    """Numbers of the entries that match, as ``number``, and their ``score``: less is better.

    Without ``scored`` it is 0 for all, which spares the work where only counting is wanted.
    """
    score: ColumnElement[float] = literal_column("0.0")
    if _is_sqlite(session):
        whole: ColumnElement[str] = literal_column("resource_text")
        number, matches = _FTS.c.rowid, whole.op("MATCH")(_fts_query(alternatives))
        if scored:
            score = func.bm25(whole, *_WEIGHTS)
    else:
        query = cast(_ts_query(alternatives), postgresql.TSQUERY)
        number, matches = _TSV.c.number, _TSV.c.words.op("@@")(query)
        if scored:
            # Weights stand in the order D, C, B, A; they are given as shares of the greatest.
            shares = [weight / max(_WEIGHTS) for weight in reversed(_WEIGHTS)]
            weights = cast(shares, postgresql.ARRAY(postgresql.REAL))
            score = -cast(func.ts_rank(weights, _TSV.c.words, query, 1), Double)
    statement = select(number.label("number"), score.label("score")).where(matches)
    # Kept apart from the filters: SQLite computes bm25() only within the text query itself.
    return statement.cte("matching").prefix_with("MATERIALIZED")


def _texts(resource: Resource) -> tuple[str, str, str, str]:
    themes = (_both(THEMES[theme].name) for theme in resource.themes)
    # Names of fields that may not be public must not be found by guessing.
    fields = (
        f"{field.name} {_both(field.meaning)}"
        for field in resource.fields
        if field.sensitivity is Sensitivity.PUBLIC
    )
    return (
        _both(resource.title),
        " ".join((*resource.keywords, *themes, _both(KINDS[resource.kind].name))),
        _both(resource.abstract),
        " ".join((resource.slug, resource.code or "", *fields)),
    )


def _both(text: LocalText | None) -> str:
    return f"{text.zh} {text.en}" if text else ""


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _fts_query(alternatives: Sequence[Sequence[Term]]) -> str:
    # Words are letters and digits only, so quoting them leaves nothing to escape.
    def form(word: str) -> str:
        return f'"{word[:-1]}" *' if word.endswith("*") else f'"{word}"'

    return _join(alternatives, form, " OR ", " AND ")


def _ts_query(alternatives: Sequence[Sequence[Term]]) -> str:
    def form(word: str) -> str:
        return f"'{word[:-1]}':*" if word.endswith("*") else f"'{word}'"

    return _join(alternatives, form, " | ", " & ")


def _join(
    alternatives: Sequence[Sequence[Term]], form: Callable[[str], str], either: str, both: str
) -> str:
    def terms(alternative: Sequence[Term]) -> str:
        return both.join(f"({either.join(map(form, term))})" for term in alternative)

    return either.join(f"({terms(alternative)})" for alternative in alternatives)


def _vector(parts: Sequence[Sequence[str]]) -> str:
    """The literal of a ``tsvector``: each word with its positions, each with its weight A to D."""
    places: dict[str, list[str]] = defaultdict(list)
    position = 0
    for letter, words in zip("ABCD", parts, strict=True):
        for word in words:
            position = min(position + 1, _LAST_POSITION)
            places[word].append(f"{position}{letter}")
    return " ".join(f"'{word}':{','.join(at)}" for word, at in places.items())
