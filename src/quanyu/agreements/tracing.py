"""Whose copy a leaked file is: the marks that agreements leave in values, looked for.

An agreement with the mask ``mark`` gives each value of a column on a multiple of a step, whose
parity is a bit that follows from the row's id and the agreement's secret salt (Agrawal and Kiernan,
“Watermarking relational databases”, VLDB 2002, with every row marked). In a file that is not of
this agreement each bit is right by chance one time in two, whatever the values are: so the chance
that as many bits are right as are found is a tail of the binomial distribution, and it is
multiplied by the number of comparisons made (Bonferroni), for nothing is known beforehand.

A mark survives that rows are dropped, doubled or put in another order, and that columns are dropped
or renamed, as long as ids and a marked column are left; thirty rows suffice for one in a million.
It does not survive that values are rounded beyond the step, or that ids are replaced.
"""

import hashlib
import hmac
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.agreements.compiling import compile_policy
from quanyu.agreements.jsonld import parse_policy
from quanyu.agreements.tables import AgreementRow
from quanyu.kernel import AgreementId, Invalid, PartyId, ResourceId, blind
from quanyu.spacetime import MARKED, Mask

CHANCE = 1e-6
"""Of a finding by chance, above which nothing is said."""
MOST_ROWS = 20_000
"""Rows that are looked at; more would add nothing."""
_OFF = 1e-3

Column = Sequence[object]


@dataclass(frozen=True, slots=True)
class Traced:
    """An agreement whose mark a file carries: in ``matching`` of ``rows`` values of ``column``,
    rows told apart by ``key``; ``chance`` bounds the probability that this is a coincidence."""

    agreement: AgreementId
    resource: ResourceId
    consumer: PartyId
    column: str
    key: str
    rows: int
    matching: int
    chance: float


@dataclass(frozen=True, slots=True)
class _Mark:
    column: str
    step: float
    salt: str


def trace(session: Session, columns: Mapping[str, Column], chance: float = CHANCE) -> list[Traced]:
    """Agreements whose marks a file carries, the surest first.

    ``columns`` are the file's, all of one length. Raises :class:`Invalid` for a file without rows.
    """
    table = {name: list(values[:MOST_ROWS]) for name, values in columns.items()}
    if not any(table.values()):
        raise Invalid("the file has no rows", field="file", mend="give the file as it was found")
    keys = {n: one for n, values in table.items() if (one := _texts(values)) is not None}
    numbers = {n: all_ for n, values in table.items() if (all_ := _numbers(values)) is not None}
    tests = 0
    found: list[Traced] = []
    for row in session.scalars(select(AgreementRow).order_by(AgreementRow.id)):
        for mark in _marks(row):
            # A renamed column is any column of numbers.
            named = [mark.column] if mark.column in numbers else list(numbers)
            for key, name in ((key, name) for name in named for key in keys if key != name):
                tests += 1
                rows, matching = _matching(keys[key], numbers[name], mark)
                if rows:
                    tail = _tail(rows, matching)
                    found.append(_traced(row, (name, key), rows, matching, tail))
    sure: dict[AgreementId, Traced] = {}
    for best in sorted((_many(each, tests) for each in found), key=lambda one: one.chance):
        # Ids may stand in several columns: an agreement is named once, by what shows it best.
        if best.chance < chance:
            sure.setdefault(best.agreement, best)
    return list(sure.values())


def _marks(row: AgreementRow) -> Iterator[_Mark]:
    try:
        terms = compile_policy(parse_policy(orjson.loads(row.policy)))
    except Invalid:
        return  # a policy of another time that gives nothing now, and left no mark that we know of
    salt = blind("columns", row.salt)[:32]
    seen = {
        (column.name, column.step)
        for clause in terms.permissions
        for column in clause.whole.columns.masks
        if column.mask is Mask.MARK and column.step
    }
    for name, step in sorted(seen):
        yield _Mark(name, step or 1.0, salt)


def _matching(keys: list[str | None], values: list[float | None], mark: _Mark) -> tuple[int, int]:
    """How many different rows there are that could carry the mark, and how many do."""
    secret = bytes.fromhex(mark.salt)
    rows = matching = 0
    once: set[str] = set()
    for key, value in zip(keys, values, strict=True):
        if key is None or value is None or key in once:
            continue
        once.add(key)
        steps = value / mark.step
        if abs(steps) > 2**52:
            continue
        rows += 1
        if abs(steps - round(steps)) > _OFF:
            continue  # not on a step at all: counted as wrong
        signed = hmac.new(secret, f"{MARKED}{key}".encode(), hashlib.sha256).digest()
        matching += round(steps) % 2 == signed[0] >> 7
    return rows, matching


def _tail(rows: int, matching: int) -> float:
    """Probability of at least so many heads in so many throws of a fair coin."""
    if matching * 2 <= rows:
        return 1.0
    logs = [
        math.lgamma(rows + 1) - math.lgamma(n + 1) - math.lgamma(rows - n + 1)
        for n in range(matching, rows + 1)
    ]
    most = max(logs)
    total = math.log(sum(math.exp(one - most) for one in logs)) + most - rows * math.log(2)
    return min(1.0, math.exp(max(total, -700.0)))


def _traced(
    row: AgreementRow, named: tuple[str, str], rows: int, matching: int, chance: float
) -> Traced:
    return Traced(
        agreement=AgreementId(row.id),
        resource=ResourceId(row.resource),
        consumer=PartyId(row.consumer),
        column=named[0],
        key=named[1],
        rows=rows,
        matching=matching,
        chance=chance,
    )


def _many(one: Traced, tests: int) -> Traced:
    return Traced(
        one.agreement,
        one.resource,
        one.consumer,
        one.column,
        one.key,
        one.rows,
        one.matching,
        min(1.0, one.chance * tests),
    )


def _texts(values: Sequence[object]) -> list[str | None] | None:
    """Values that could be ids, as text; ``None`` where they are none."""
    kept = [
        None if value is None else str(value)
        for value in values
        if value is None or isinstance(value, str | int)
    ]
    return kept if len(kept) == len(values) and any(kept) else None


def _numbers(values: Sequence[object]) -> list[float | None] | None:
    """Values as numbers, written as text or not; ``None`` where they are none."""
    found: list[float | None] = []
    for value in values:
        if value is None or value == "":
            found.append(None)
            continue
        try:
            number = float(str(value))
        except ValueError:
            return None
        found.append(number if math.isfinite(number) else None)
    return found if any(one is not None for one in found) else None
