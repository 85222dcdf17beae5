"""Numbers of facet values: what stands for them in the marks and tags of entries."""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import Connection, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from quanyu.catalogue.finding.facts import kept_values
from quanyu.catalogue.finding.listed import among
from quanyu.catalogue.finding.tables import FacetValueRow
from quanyu.catalogue.model import Resource
from quanyu.kernel import batched

Value = tuple[str, str]
"""A facet and one of its values."""

_MANY = 500


def values_of(resource: Resource) -> list[Value]:
    """Every facet value of an entry."""
    one = {
        "kind": resource.kind.value,
        "provider": resource.provider,
        "access": resource.access.value,
        "state": resource.state.value,
        "licence": resource.licence,
        "cycle": resource.update_cycle.value,
        "grade": resource.grade.value,
    }
    return [
        *one.items(),
        *(("theme", theme) for theme in resource.themes),
        *(("format", form) for form in dict.fromkeys(map(str.upper, resource.formats))),
    ]


def tag(number: int) -> str:
    """The word of the index that stands for a facet value."""
    return f"_v{number}"


def numbers_of(session: Session | Connection, values: Collection[Value]) -> dict[Value, int]:
    """The numbers of those values that any entry ever had."""
    kept = kept_values(session)
    found = {value: kept.numbers[value] for value in values if value in kept.numbers}
    asked = [value for value in values if value not in found]
    columns = FacetValueRow.__table__.c
    for part in batched(asked, _MANY):
        some = tuple_(columns.facet, columns.value).in_(part)
        for number, facet, value in session.execute(
            select(columns.id, columns.facet, columns.value).where(some)
        ):
            found[facet, value] = number
    kept.learn({number: value for value, number in found.items()})
    return found


def numbered(connection: Connection, values: Collection[Value]) -> dict[Value, int]:
    """The numbers of all these values, new ones given where need be."""
    known = numbers_of(connection, values)
    new = [value for value in dict.fromkeys(values) if value not in known]
    if new:
        upsert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        rows = [{"facet": facet, "value": value} for facet, value in sorted(new)]
        connection.execute(upsert(FacetValueRow).on_conflict_do_nothing(), rows)
        known |= numbers_of(connection, new)
    return known


def values_by_number(session: Session, numbers: Iterable[int]) -> Mapping[int, Value]:
    """What numbers stand for."""
    kept = kept_values(session)
    every = list(numbers)
    found = {number: kept.by_number[number] for number in every if number in kept.by_number}
    asked = [number for number in every if number not in found]
    if not asked:
        return found
    columns = FacetValueRow.__table__.c
    statement = select(columns.id, columns.facet, columns.value)
    rows = session.execute(statement.where(among(session, columns.id, asked))).all()
    found |= {number: (facet, value) for number, facet, value in rows}
    kept.learn(found)
    return found
