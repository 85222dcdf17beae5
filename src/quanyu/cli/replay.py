"""`replay`: the weather of a typical year, which pvlib ships, played back at any speed.

It is labelled as a replay in the stream's title, in the properties of each datastream, and in the
quality of each result.
"""

import csv
import math
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quanyu import app as composition
from quanyu.catalogue import Access
from quanyu.cli.data import open_desk
from quanyu.cli.divisions import package_folder
from quanyu.cli.options import HOME, Dir
from quanyu.cli.output import say
from quanyu.cli.streams import ensure_stream
from quanyu.kernel import Invalid, now
from quanyu.streams import (
    REPLAYED,
    DatastreamDraft,
    declared_checks,
    default_features,
    ensure_datastreams,
    flagged,
    observation_schema,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

COLUMNS = {
    "temp_air": ("air temperature", "Cel"),
    "relative_humidity": ("relative humidity", "%"),
    "pressure": ("air pressure", "mbar"),
    "wind_speed": ("wind speed", "m/s"),
    "wind_direction": ("wind direction", "deg"),
    "ghi": ("global horizontal irradiance", "W/m2"),
    "dni": ("direct normal irradiance", "W/m2"),
    "dhi": ("diffuse horizontal irradiance", "W/m2"),
}
"""Columns of a year by pvlib's names: what is observed, and its unit (UCUM)."""
_HEADS = {
    "temp_air": "Dry-bulb (C)",
    "relative_humidity": "RHum (%)",
    "pressure": "Pressure (mbar)",
    "wind_speed": "Wspd (m/s)",
    "wind_direction": "Wdir (degrees)",
    "ghi": "GHI (W/m^2)",
    "dni": "DNI (W/m^2)",
    "dhi": "DHI (W/m^2)",
}
"""What the file calls them (TMY3 user's manual, NREL/TP-581-43156, table 1-3)."""
LICENCE = "https://opensource.org/license/bsd-3-clause"
"""Of pvlib, which ships the files."""
FILES = ("723170TYA.CSV", "703165TY.csv")
_LONGEST_WAIT_S = 0.2


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command(
        epilog="Example: `quanyu replay --speed 3600` (an hour a second, from now on) · "
        "`quanyu replay --speed 0 --as-is` (the whole year at once, at the times of the file)"
    )(replay)


def replay(
    speed: Annotated[
        float, typer.Option(help="How many times faster than it was; 0: all at once.")
    ] = 3600.0,
    stream: Annotated[str, typer.Option(help="Slug of the stream; made if need be.")] = (
        "weather-replay"
    ),
    station: Annotated[int, typer.Option(help="Which of the two stations that pvlib ships.")] = 0,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Times of the file; else from now on, or until now.")
    ] = False,
    hours: Annotated[int | None, typer.Option(help="Hours to play; default the year.")] = None,
    access: Annotated[Access, typer.Option(help="Who may use the stream.")] = Access.SHARED,
    dir: Dir = HOME,  # noqa: A002 - the option's name
) -> None:
    """Play back the weather of a typical year, labelled as a replay."""
    if speed < 0 or not math.isfinite(speed):
        raise Invalid("a speed is not negative", field="speed")
    if not 0 <= station < len(FILES):
        raise Invalid("there is no such station", field="station", mend="give 0 or 1")
    weather, about = typical_year(station)
    rows = weather.slice(0, hours) if hours is not None else weather
    if not len(rows):
        raise Invalid("there is nothing to play", field="hours", mend="give 1 or more")
    with open_desk(dir) as desk:
        title = ("典型年天气（回放）", "Weather of a typical year (replay)")
        drafts = [
            DatastreamDraft(
                thing=f"replay-{about['USAF']}",
                thing_name=f"{about['Name'].title()} (replay)",
                thing_properties={"replay": True, "source": "NREL TMY3"},
                name=name,
                observed_property=name,
                unit=unit,
                sensor="TMY3",
                place=(about["longitude"], about["latitude"]),
                properties={"replay": True, "source": "NREL TMY3", "speed": speed},
            )
            for name, unit in COLUMNS.values()
        ]
        with desk.control.begin() as session:
            of = ensure_stream(session, desk, stream, *title, access, LICENCE)
            numbers = ensure_datastreams(session, of, drafts)
            feature = default_features(session, numbers).get(numbers[0])
            checks = declared_checks(session, numbers)
        observations = composition.open_observations(desk.settings, desk.control)

        def take(piece: "pa.Table") -> None:
            observations.append(flagged(piece, checks, observations))

        try:
            count = _play(take, rows, numbers, feature, speed, as_is=as_is)
        finally:
            observations.close()
    say(f"{count} observations of {len(rows)} hours in {stream}")


def typical_year(station: int) -> "tuple[pa.Table, dict[str, Any]]":
    """Hour by hour a typical year (TMY3) in UTC, each month as it was in its own year: columns
    ``time`` and those of :data:`COLUMNS`; and what the file says of its station."""
    import pyarrow as pa
    import pyarrow.csv as pc

    path = package_folder("pvlib") / "data" / FILES[station]
    with path.open(encoding="utf-8", newline="") as file:
        usaf, name, state, zone, lat, lon, height = next(csv.reader(file))
    frame = pc.read_csv(
        path,
        pc.ReadOptions(skip_rows=1),
        convert_options=pc.ConvertOptions(
            include_columns=list(_HEADS.values()),
            column_types=dict.fromkeys(_HEADS.values(), pa.float64()),
        ),
    )
    # Months come of different years: in one year they follow one another. Hours are named by their
    # end, in local standard time.
    first = datetime(2001, 1, 1, 1, tzinfo=UTC) - timedelta(hours=float(zone))
    hours = [first + timedelta(hours=hour) for hour in range(len(frame))]
    arrays = [pa.array(hours, pa.timestamp("us", tz="UTC"))]
    arrays += [frame[head] for head in _HEADS.values()]
    about = {
        "USAF": usaf,
        "Name": name,
        "State": state,
        "latitude": float(lat),
        "longitude": float(lon),
        "altitude": float(height),
    }
    return pa.table(arrays, names=["time", *COLUMNS]), about


def _play(
    take: "Callable[[pa.Table], object]",
    rows: "pa.Table",
    numbers: list[int],
    feature: int | None,
    speed: float,
    *,
    as_is: bool,
) -> int:
    """Hours one after another, each when its time has come."""
    times = rows["time"].to_pylist()
    shift = timedelta() if as_is else _shift(times, speed)
    if speed == 0:
        take(_observations(rows, numbers, feature, shift))
        return len(rows) * len(numbers)
    stopping, done = threading.Event(), 0
    began, first = time.monotonic(), times[0]
    while done < len(times):
        played = first + timedelta(seconds=(time.monotonic() - began) * speed)
        due = done
        while due < len(times) and times[due] <= played:
            due += 1
        if due > done:
            piece = rows.slice(done, due - done)
            take(_observations(piece, numbers, feature, shift))
            done = due
            continue
        wait = (times[done] - played).total_seconds() / speed
        try:
            stopping.wait(min(wait, _LONGEST_WAIT_S))
        except KeyboardInterrupt:
            break
    return done * len(numbers)


def _shift(times: list[datetime], speed: float) -> timedelta:
    """All at once ends now; bit by bit begins now, each at the full hour."""
    hour = now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return hour - (times[-1] if speed == 0 else times[0])


def _observations(
    rows: "pa.Table", numbers: list[int], feature: int | None, shift: timedelta
) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    schema = observation_schema()
    start = pc.add(rows["time"], pa.scalar(shift, pa.duration("us")))
    count = len(rows)
    return pa.concat_tables(
        pa.table(
            {
                "datastream": pa.repeat(pa.scalar(number, pa.int64()), count),
                "start": start.cast(schema.field("start").type),
                "number": rows[name],
                "quality": pa.repeat(pa.scalar(REPLAYED), count),
                "feature": pa.array([feature] * count, pa.int64()),
            }
        )
        for number, name in zip(numbers, COLUMNS, strict=True)
    )
