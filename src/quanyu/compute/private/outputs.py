"""Outputs before release: of the declared form, within the size, and no group too small.

A table that names its groups by columns of the data is checked against the data: the node counts
the groups itself. Else the algorithm's own count decides, and the reviewer is told so. A table
without groups must itself be k-anonymous (Sweeney 2002): every row must stand in it k times.
Where a column of the data stands for a person, persons are counted and not rows: that only the
node can do, and only with that column among the data, blurred or not.
These are checks of form. An algorithm that means ill can hide data in numbers that look like any
others; what bounds that is the size of the outputs and the reviewer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import orjson

from quanyu.compute.private.package import Declared, Package
from quanyu.kernel import Invalid

if TYPE_CHECKING:
    import pyarrow as pa

RULE = "compute.group"
COUNTED, STATED, ITSELF, VALUE = "counted", "stated", "itself", "value"


@dataclass(frozen=True, slots=True)
class Finding:
    """What the check of an output found. ``smallest`` is the least group, ``how`` it is known:
    ``counted`` by the node, ``stated`` by the algorithm, of the table ``itself``; of a ``value``
    it is the number of rows of the data."""

    output: str
    rows: int
    how: str
    smallest: int | None


@dataclass(frozen=True, slots=True)
class Checked:
    """Outputs as they would be released: JSON by name, and what was found."""

    bodies: Mapping[str, bytes]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Least:
    """A group is of ``k`` rows of ``data`` at least, or of so many values of ``person``."""

    data: "pa.Table"
    k: int
    person: str | None

    def check_countable(self, where: str, *, counted: bool) -> None:
        """Raise :class:`Invalid` where persons are to be counted, and cannot be."""
        if self.person is not None and not (counted and self.person in self.data.column_names):
            raise Invalid(
                "the persons in a group cannot be counted here",
                field=where,
                mend="name groups by columns of the data; the agreement must give “{name}”, "
                "a code of it at least",
                rule=RULE,
                name=self.person,
            )

    def too_few(self, where: str) -> Invalid:
        """What is said of a group that is too small."""
        return Invalid(
            "a group rests on fewer than {k} rows"
            if self.person is None
            else "a group rests on fewer than {k} persons",
            field=where,
            mend="put small groups together, or leave them out",
            rule=RULE,
            k=self.k,
        )


def check_outputs(
    package: Package,
    made: Mapping[str, Any],
    data: "pa.Table",
    k: int,
    person: str | None = None,
) -> Checked:
    """Outputs that may be shown to a reviewer. Raises :class:`Invalid` on ``outputs.NAME`` for what
    is not as declared, with the rule ``compute.group`` for a group of fewer than ``k`` rows, or of
    fewer than ``k`` values of the column ``person``."""
    least = _Least(data, k, person)
    for name in made:
        if name not in package.outputs:
            raise Invalid(
                "the algorithm gave an output that it does not declare",
                field="outputs",
                mend="give those that are declared: {names}",
                names=", ".join(package.outputs),
            )
    bodies, findings = {}, []
    for name, declared in package.outputs.items():
        where = f"outputs.{name}"
        if name not in made:
            raise Invalid(
                "an output that is declared was not given", field=where, mend="give every output"
            )
        value = made[name]
        _check_form(where, declared, value)
        finding = (
            _value_finding(name, least)
            if declared.columns is None
            else _table_finding(name, declared, value, least)
        )
        findings.append(finding)
        bodies[name] = orjson.dumps(value)
    return Checked(bodies, tuple(findings))


def _check_form(where: str, declared: Declared, value: Any) -> None:
    good = jsonschema_rs.validator_for(dict(declared.schema)).is_valid(value)
    if good and declared.columns is not None:
        wanted = set(declared.columns)
        good = all(isinstance(row, dict) and set(row) == wanted for row in value)
    if not good:
        raise Invalid(
            "the output is not of the form that is declared",
            field=where,
            mend="give what the schema says, in tables exactly its columns",
        )


def _value_finding(name: str, least: _Least) -> Finding:
    where, data = f"outputs.{name}", least.data
    least.check_countable(where, counted=True)
    heads = data.num_rows if least.person is None else _heads(data, (), least.person)[()]
    if heads < least.k:
        raise least.too_few(where)
    return Finding(name, 1, VALUE, heads)


def _table_finding(name: str, declared: Declared, rows: Any, least: _Least) -> Finding:
    where, groups, data = f"outputs.{name}", declared.groups, least.data
    if not rows:
        return Finding(name, 0, ITSELF, None)
    least.check_countable(
        where, counted=bool(groups.by) and set(groups.by) <= set(data.column_names)
    )
    if groups.by and set(groups.by) <= set(data.column_names):
        _check_once(where, [tuple(row[one] for one in groups.by) for row in rows])
        how, smallest = COUNTED, _smallest_counted(rows, groups.by, least)
        if groups.count is not None:
            smallest = min(smallest, *(int(row[groups.count]) for row in rows))
    elif groups.count is not None:
        how, smallest = STATED, min(int(row[groups.count] or 0) for row in rows)
        _check_sum(where, sum(int(row[groups.count] or 0) for row in rows), data.num_rows)
    else:
        how, smallest = ITSELF, _smallest_itself(rows)
    if smallest < least.k:
        raise least.too_few(where)
    return Finding(name, len(rows), how, smallest)


def _check_once(where: str, keys: list[tuple[Any, ...]]) -> None:
    if len(set(keys)) != len(keys):
        raise Invalid(
            "a group stands in the table more than once",
            field=where,
            mend="give one row for each group",
        )


def _check_sum(where: str, total: int, rows: int) -> None:
    if total > rows:
        raise Invalid(
            "the counts of the groups add up to more rows than there are",
            field=where,
            mend="count each row of the data in one group only",
        )


def _smallest_counted(rows: list[dict[str, Any]], by: tuple[str, ...], least: _Least) -> int:
    """The least group among those shown, as the data have them; nought for one that is not there.

    A null is a group like others. The counting is Arrow's; only the groups shown are walked.
    """
    known = _heads(least.data, by, least.person)
    return min(known.get(tuple(row[one] for one in by), 0) for row in rows)


def _heads(data: "pa.Table", by: tuple[str, ...], person: str | None) -> dict[tuple[Any, ...], int]:
    """How many rows, or how many values of ``person``, each group has."""
    import pyarrow.compute as pc

    if person is None:
        counts = data.select(list(by)).group_by(list(by)).aggregate([([], "count_all")])
        return {tuple(row[one] for one in by): int(row["count_all"]) for row in counts.to_pylist()}
    if not by:
        return {(): int(pc.count_distinct(data.column(person), mode="only_valid").as_py())}
    # The person beside the keys under another name: it may be one of them.
    table = data.select(list(by)).append_column("quanyu:person", data.column(person))
    found = table.group_by(list(by)).aggregate([("quanyu:person", "count_distinct")])
    counted = found.column("quanyu:person_count_distinct").to_pylist()
    keys = found.select(list(by)).to_pylist()
    return {tuple(key[one] for one in by): n for key, n in zip(keys, counted, strict=True)}


def _smallest_itself(rows: list[dict[str, Any]]) -> int:
    seen: dict[bytes, int] = {}
    for row in rows:
        key = orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
        seen[key] = seen.get(key, 0) + 1
    return min(seen.values())
