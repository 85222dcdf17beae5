"""The words that published entries taught, and the keys under which misspelt ones meet them.

A word's keys are itself, itself with any one character left out (two words that differ by one
error share such a key: the *symmetric delete* of SymSpell), and for Chinese its full pinyin and its
initials. They are looked up by equality or as ranges, never scanned. Words stay when their entries
go; whoever proposes one first looks whether the caller can see an entry that has it.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import combinations, groupby

from rapidfuzz.distance import OSA
from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from quanyu.catalogue.finding.listed import among
from quanyu.catalogue.finding.pinyin import spelling
from quanyu.catalogue.finding.tables import KeyRow, WordRow
from quanyu.catalogue.letters import is_han
from quanyu.kernel import batched

_BATCH = 400
_MOST_SPELT = 24
_LONG_WORD, _LONGEST_WORD = 6, 16
_MOST_NEAR = 64


def learn(connection: Connection, words: Iterable[str]) -> None:
    """Keep words that were not known, with their keys."""
    upsert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    # In one order for all, so that two writers cannot wait for each other in a ring.
    for some in batched(sorted(set(words)), _BATCH):
        known = set(
            connection.scalars(
                select(WordRow.__table__.c.word).where(
                    among(connection, WordRow.__table__.c.word, some)
                )
            )
        )
        new = [word for word in some if word not in known]
        if new:
            connection.execute(
                upsert(WordRow).on_conflict_do_nothing(), [{"word": word} for word in new]
            )
            connection.execute(
                upsert(KeyRow).on_conflict_do_nothing(),
                [{"key": key, "word": word} for word in new for key in keys(word)],
            )


def keys(word: str) -> list[str]:
    """All keys of a word."""
    found = [f"d:{part}" for part in (word, *_shorter(word, 1))]
    if is_han(word):
        full, initials = spelling(word)
        found += [f"p:{full[:70]}", f"i:{initials[:70]}"] if full else []
    return list(dict.fromkeys(found))


def spelt_words(session: Session, letters: Collection[str]) -> dict[str, list[str]]:
    """Chinese words whose pinyin or initials are exactly one of these words."""
    asked = {
        f"{kind}:{one}": one
        for one in letters
        if one.isascii() and one.isalpha() and 2 <= len(one) <= 40
        for kind in "pi"
    }
    found: dict[str, list[str]] = {}
    if asked:
        columns = KeyRow.__table__.c
        rows = session.execute(
            select(columns.key, columns.word).where(columns.key.in_(list(asked)))
        )
        for key, word in sorted(
            (tuple(row) for row in rows), key=lambda row: (row[0][0] == "i", row)
        ):
            spelt = found.setdefault(asked[key], [])
            if len(spelt) < _MOST_SPELT and word not in spelt:
                spelt.append(word)
    return found


def beginning_with(session: Session, start: str, limit: int) -> list[str]:
    """Words that begin so, or whose pinyin or initials do; shorter ones first."""
    columns, words = KeyRow.__table__.c, WordRow.__table__.c
    last = "\U0010ffff"
    found = set(
        session.scalars(
            select(words.word)
            .where(words.word >= start, words.word < start + last)
            .order_by(words.word)
            .limit(limit * 4)
        )
    )
    if start.isascii() and start.isalpha() and len(start) >= 2:
        for kind in "pi":
            begins = f"{kind}:{start}"
            found.update(
                session.scalars(
                    select(columns.word)
                    .where(columns.key >= begins, columns.key < begins + last)
                    .order_by(columns.key)
                    .limit(limit * 4)
                )
            )
    return sorted(found, key=lambda word: (len(word), word))[:limit]


def near(session: Session, word: str) -> list[list[str]]:
    """Known words that ``word`` may be a slip of: one error away (two in long English words), or
    Chinese of the same sound. The nearest come first, equally near ones together."""
    han = is_han(word)
    least = 1 if han else 2
    asked = {f"d:{part}" for part in (word, *_shorter(word, 1)) if len(part) > least}
    if not han and _LONG_WORD < len(word) <= _LONGEST_WORD:
        asked |= {f"d:{part}" for part in _shorter(word, 2)}
    sound = spelling(word)[0] if han else ""
    if sound:
        asked.add(f"p:{sound[:70]}")
    column = KeyRow.__table__.c
    rows = session.scalars(select(column.word).where(column.key.in_(sorted(asked))).distinct())
    ranked = sorted((_distance(word, other, sound), other) for other in rows if other != word)
    tiers = groupby((one for one in ranked if one[0][0] <= _allowed(word)), key=lambda one: one[0])
    return [[other for _, other in tier][:_MOST_NEAR] for _, tier in tiers]


def _allowed(word: str) -> int:
    return 2 if not is_han(word) and len(word) > _LONG_WORD else 1


def _distance(word: str, other: str, sound: str) -> tuple[int, bool, bool]:
    """How far; then whether the sound differs and the first letter does."""
    alike = bool(sound) and len(word) == len(other) and spelling(other)[0] == sound
    far = 1 if alike else OSA.distance(word, other)
    return far, not alike, word[:1] != other[:1]


def _shorter(word: str, by: int) -> Iterator[str]:
    if len(word) > by + 1:
        for left_out in combinations(range(len(word)), by):
            yield "".join(c for at, c in enumerate(word) if at not in left_out)
