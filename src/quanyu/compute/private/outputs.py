"""Outputs before release: of the declared form, within the size, and no group too small.

A table that names its groups by columns of the data is checked against the data: the node counts
the groups itself. Else the algorithm's own count decides, and the reviewer is told so. A table
without groups must itself be k-anonymous (Sweeney 2002): every row must stand in it k times.
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


def check_outputs(package: Package, made: Mapping[str, Any], data: "pa.Table", k: int) -> Checked:
    """Outputs that may be shown to a reviewer. Raises :class:`Invalid` on ``outputs.NAME`` for what
    is not as declared, with the rule ``compute.group`` for a group of fewer than ``k``."""
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
            _value_finding(name, data, k)
            if declared.columns is None
            else _table_finding(name, declared, value, data, k)
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


def _value_finding(name: str, data: "pa.Table", k: int) -> Finding:
    if data.num_rows < k:
        raise _too_few(f"outputs.{name}", k)
    return Finding(name, 1, VALUE, data.num_rows)


def _table_finding(name: str, declared: Declared, rows: Any, data: "pa.Table", k: int) -> Finding:
    where, groups = f"outputs.{name}", declared.groups
    if not rows:
        return Finding(name, 0, ITSELF, None)
    if groups.by and set(groups.by) <= set(data.column_names):
        _check_once(where, [tuple(row[one] for one in groups.by) for row in rows])
        how, smallest = COUNTED, _smallest_counted(rows, groups.by, data)
        if groups.count is not None:
            smallest = min(smallest, *(int(row[groups.count]) for row in rows))
    elif groups.count is not None:
        how, smallest = STATED, min(int(row[groups.count] or 0) for row in rows)
        _check_sum(where, sum(int(row[groups.count] or 0) for row in rows), data.num_rows)
    else:
        how, smallest = ITSELF, _smallest_itself(rows)
    if smallest < k:
        raise _too_few(where, k)
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


def _smallest_counted(rows: list[dict[str, Any]], by: tuple[str, ...], data: "pa.Table") -> int:
    """The least group among those shown, as the data have them; nought for one that is not there.

    A null is a group like others. The counting is Arrow's; only the groups shown are walked.
    """
    counts = data.select(list(by)).group_by(list(by)).aggregate([([], "count_all")]).to_pylist()
    known = {tuple(row[one] for one in by): int(row["count_all"]) for row in counts}
    return min(known.get(tuple(row[one] for one in by), 0) for row in rows)


def _smallest_itself(rows: list[dict[str, Any]]) -> int:
    seen: dict[bytes, int] = {}
    for row in rows:
        key = orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
        seen[key] = seen.get(key, 0) + 1
    return min(seen.values())


def _too_few(where: str, k: int) -> Invalid:
    return Invalid(
        "a group rests on fewer than {k} rows",
        field=where,
        mend="put small groups together, or leave them out",
        rule=RULE,
        k=k,
    )
