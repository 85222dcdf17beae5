"""How often datastreams promise to observe, kept beside them so that silent ones are found by an
index."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from quanyu.kernel import Invalid
from quanyu.streams.tables import CadenceRow

_DURATION = re.compile(
    r"P(?:(?P<days>\d{1,4})D)?(?:T(?:(?P<hours>\d{1,4})H)?(?:(?P<minutes>\d{1,4})M)?"
    r"(?:(?P<seconds>\d{1,5})S)?)?"
)


def cadence_of(properties: Mapping[str, Any] | None) -> int:
    """The longest time between two observations in seconds, out of the property ``cadence`` of a
    datastream (an ISO 8601 duration of days, hours, minutes, seconds); 0 for what is none."""
    said = (properties or {}).get("cadence")
    found = _DURATION.fullmatch(said) if isinstance(said, str) else None
    if found is None:
        return 0
    parts = {name: int(value) for name, value in found.groupdict().items() if value}
    return int(timedelta(**parts).total_seconds())


def check_cadence(properties: Any, where: str = "properties") -> None:
    """Raise :class:`Invalid` for a ``cadence`` that promises nothing that can be understood."""
    said = properties.get("cadence") if isinstance(properties, Mapping) else None
    if said is not None and cadence_of(properties) == 0:
        raise Invalid(
            "a cadence is a duration of days, hours, minutes or seconds",
            field=f"{where}.cadence",
            mend="write it like PT10M or P1D",
        )


def keep_cadences(
    session: Session, root: int, made: Sequence[tuple[int, Mapping[str, Any] | None]]
) -> None:
    """Keep what new datastreams promise, each a number with its properties."""
    table: Any = CadenceRow.__table__
    session.connection().execute(
        insert(table),
        [
            {"datastream": number, "root": root, "seconds": cadence_of(properties), "seen": 0}
            for number, properties in made
        ],
    )


def change_cadence(session: Session, number: int, properties: Mapping[str, Any] | None) -> None:
    """Keep what a datastream promises now that its properties are others."""
    session.execute(
        update(CadenceRow)
        .where(CadenceRow.datastream == number)
        .values(seconds=cadence_of(properties))
    )
