"""`streams`: observations out of files, flags, figures."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from quanyu import app as composition
from quanyu.catalogue import Access, Kind, ResourceDraft, State, publish, register, resource
from quanyu.cli.data import Desk, open_desk
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, say
from quanyu.cli.stream_statistics import EXAMPLE, statistics
from quanyu.kernel import Invalid, LocalText, NotFound, ResourceId
from quanyu.streams import (
    DatastreamDraft,
    FilePlan,
    check_file,
    datastream_numbers,
    datastreams_of,
    declared_checks,
    default_features,
    distinct_in,
    ensure_datastreams,
    flag_again,
    load_into,
    load_things,
)

stream_commands = typer.Typer(help="Streams of observations.")
Stream = Annotated[str, typer.Option("--stream", help="Slug of the stream.")]
Access_ = Annotated[Access, typer.Option("--access", help="Who may use a stream that is made.")]
Licence = Annotated[str, typer.Option(help="Licence of a stream that is made: a key, or its URL.")]
BY_AGREEMENT = "by-agreement"


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(stream_commands, name="streams", no_args_is_help=True)


stream_commands.command(epilog=EXAMPLE)(statistics)


@stream_commands.command(
    epilog="Example: `quanyu streams load air.csv --stream air --thing embassy "
    "--time year,month,day,hour --zone Asia/Shanghai --new 'pm2.5=ug/m3' --new TEMP=Cel` · "
    "`quanyu streams load day.parquet --stream air --time at --map 'pm25=dst_01J…'` · "
    "`quanyu streams load long.csv --stream air --time at --datastream id --result value`"
)
def load(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet.")],
    stream: Stream,
    time: Annotated[
        str, typer.Option(help="Column of times, or those of year,month,day,hour…")
    ] = "phenomenonTime",
    zone: Annotated[str, typer.Option(help="Time zone of times without an offset.")] = "UTC",
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="COLUMN=ID of the datastream of its values.")
    ] = None,
    new: Annotated[
        list[str] | None,
        typer.Option("--new", help="COLUMN=UNIT (UCUM): a datastream of --thing, made if need be."),
    ] = None,
    thing: Annotated[str | None, typer.Option(help="Id of the thing of --new.")] = None,
    place: Annotated[
        str | None, typer.Option(help="Longitude,latitude of a thing that is made.")
    ] = None,
    datastream: Annotated[
        str | None, typer.Option(help="Column of ids of datastreams, one observation a row.")
    ] = None,
    result: Annotated[str, typer.Option(help="Column of results beside --datastream.")] = "result",
    text: Annotated[
        list[str] | None, typer.Option("--text", help="A column whose values are texts.")
    ] = None,
    missing: Annotated[
        list[str] | None, typer.Option("--missing", help="A text that stands for no value.")
    ] = None,
    skip: Annotated[int, typer.Option(min=0, help="Lines before that of the names.")] = 0,
    title_zh: Annotated[str, typer.Option(help="Title of a stream that is made.")] = "",
    title_en: Annotated[str, typer.Option(help="The same in English.")] = "",
    access: Access_ = Access.CLOSED,
    licence: Licence = BY_AGREEMENT,
    dir: Dir = HOME,  # noqa: A002 - the option's name
    json: Json = False,
) -> None:
    """Take in observations of the past; what is missing stays missing.

    A file that is faulty is refused whole: no stream, no datastream and no observation is made.
    """
    _check_there(file)
    named = [] if datastream is None else distinct_in(file, datastream, skip)
    with open_desk(dir) as desk:

        def planned(session: Session) -> tuple[ResourceId, FilePlan]:
            titles = (title_zh or stream, title_en or stream)
            of = ensure_stream(session, desk, stream, *titles, access, licence)
            wide = {
                **_mapped(session, of, map_ or []),
                **_made(session, of, new or [], thing, place),
            }
            numbers = datastream_numbers(session, of, named)
            every = [*wide.values(), *numbers.values()]
            return of, FilePlan(
                time=tuple(time.split(",")),
                zone=zone,
                wide=wide,
                which=None if datastream is None else (datastream, result),
                numbers=numbers,
                texts=frozenset(text or ()),
                skip=skip,
                features=default_features(session, every),
                checks=declared_checks(session, every),
                **({} if missing is None else {"missing": ("", *missing)}),
            )

        # A look at a long file takes a while in which others write: it is made between the two.
        with desk.control.trial() as session:
            _, plan = planned(session)
        check_file(file, plan)
        with desk.control.begin() as session:
            of, plan = planned(session)
        observations = composition.open_observations(desk.settings, desk.control)
        try:
            loaded = load_into(
                desk.control, observations, of, file, plan, by=desk.party, checked=True
            )
        finally:
            observations.close()
    if json:
        give_json(
            {
                "rows": loaded.rows,
                "observations": loaded.observations,
                "missing": loaded.missing,
                "replaced": loaded.replaced,
            }
        )
    else:
        say(
            f"{loaded.observations} observations of {loaded.rows} rows, "
            f"{loaded.missing} values missing, {loaded.replaced} replaced"
        )


@stream_commands.command(
    name="load-things",
    epilog="Example: `quanyu streams load-things lamps.csv --stream lamps` · "
    "`quanyu streams load-things meters.parquet --stream meters --title-zh 水表 --title-en Meters`",
)
def things(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet, a row for each datastream.")],
    stream: Stream,
    title_zh: Annotated[str, typer.Option(help="Title of a stream that is made.")] = "",
    title_en: Annotated[str, typer.Option(help="The same in English.")] = "",
    access: Access_ = Access.CLOSED,
    licence: Licence = BY_AGREEMENT,
    dir: Dir = HOME,  # noqa: A002 - the option's name
    json: Json = False,
) -> None:
    """Make things and their datastreams; what is there already stays as it is.

    Columns: thing, name, observed_property, unit; if there are any thing_name, thing_description,
    lon, lat, datastream, description, definition, sensor; thing.NAME and datastream.NAME are
    properties.
    """
    _check_there(file)
    titles = (title_zh or stream, title_en or stream)
    with open_desk(dir) as desk:
        made = load_things(
            desk.control,
            lambda session: ensure_stream(session, desk, stream, *titles, access, licence),
            file,
        )
    if json:
        give_json({"rows": made.rows, "things": made.things, "datastreams": made.datastreams})
    else:
        say(f"{made.things} things and {made.datastreams} datastreams made of {made.rows} rows")


@stream_commands.command(
    epilog="Example: `quanyu streams flag --stream air` · "
    "`quanyu streams flag --stream air --datastream dst_01J… --start 2026-05-01T00:00:00+08:00`"
)
def flag(
    stream: Stream,
    datastream: Annotated[
        list[str] | None, typer.Option(help="Id of a datastream; all of the stream without.")
    ] = None,
    start: Annotated[str | None, typer.Option(help="From this time on, with its offset.")] = None,
    end: Annotated[str | None, typer.Option(help="Before this time, with its offset.")] = None,
    dir: Dir = HOME,  # noqa: A002 - the option's name
    json: Json = False,
) -> None:
    """Flag observations anew by the tests of quality that their datastreams declare now."""
    bounds = {"start": _time(start, "start"), "end": _time(end, "end")}
    with open_desk(dir) as desk:
        with desk.control.read() as session:
            found = resource(session, stream)
            if found.kind is not Kind.STREAM:
                raise Invalid("{slug} is no stream", field="stream", slug=stream)
        numbers = _numbers_of(desk, found.id, datastream)
        observations = composition.open_observations(desk.settings, desk.control)
        try:
            done = flag_again(desk.control, observations, numbers, **bounds)
        finally:
            observations.close()
    if json:
        give_json({"looked": done.looked, "changed": done.changed})
    else:
        say(f"{done.looked} observations, flags of {done.changed} changed")


def _numbers_of(desk: Desk, of: ResourceId, given: list[str] | None) -> list[int]:
    if given:
        with desk.control.read() as session:
            known = datastream_numbers(session, of, given)
        for identifier in given:
            if identifier not in known:
                raise NotFound("there is no datastream {id}", field="datastream", id=identifier)
        return list(known.values())
    numbers: list[int] = []
    while True:
        after = numbers[-1] if numbers else 0
        with desk.control.read() as session:
            page = datastreams_of(session, of, after=after)
        numbers += [one.number for one in page]
        if not page:
            return numbers


def _time(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Invalid(
            "this is no time",
            field=option,
            mend="write ISO 8601 with its offset, such as 2026-05-01T08:00:00+08:00",
        )
    return found


def ensure_stream(
    session: Session,
    desk: Desk,
    slug: str,
    zh: str,
    en: str,
    access: Access,
    licence: str = BY_AGREEMENT,
) -> ResourceId:
    """The stream with that slug, registered and published where it is not there."""
    try:
        found = resource(session, slug)
    except NotFound:
        draft = ResourceDraft(
            slug=slug,
            kind=Kind.STREAM,
            title=LocalText(zh=zh, en=en),
            abstract=LocalText(zh=zh, en=en),
            provider=desk.party,
            licence=licence,
            access=access,
        )
        found = register(session, draft, desk.caller)
    if found.kind is not Kind.STREAM:
        raise Invalid("{slug} is no stream", field="stream", slug=slug)
    if found.state is not State.PUBLISHED:
        publish(session, found.id, desk.caller)
    return found.id


def _check_there(file: Path) -> None:
    if not file.is_file():
        raise Invalid("there is no file {name}", field="file", name=str(file))


def _mapped(session: Session, of: ResourceId, given: list[str]) -> dict[str, int]:
    said = dict(_pair(one, "map") for one in given)
    known = datastream_numbers(session, of, list(said.values()))
    for identifier in said.values():
        if identifier not in known:
            raise NotFound("there is no datastream {id}", field="map", id=identifier)
    return {column: known[identifier] for column, identifier in said.items()}


def _made(
    session: Session, of: ResourceId, given: list[str], thing: str | None, place: str | None
) -> dict[str, int]:
    if not given:
        return {}
    if thing is None:
        raise Invalid("--new needs the thing that is observed", field="thing", mend="give --thing")
    said = dict(_pair(one, "new") for one in given)
    drafts = [
        DatastreamDraft(
            thing=thing, name=column, observed_property=column, unit=unit, place=_place(place)
        )
        for column, unit in said.items()
    ]
    return dict(zip(said, ensure_datastreams(session, of, drafts), strict=True))


def _pair(text: str, option: str) -> tuple[str, str]:
    column, equals, value = text.rpartition("=")
    if not equals or not column or not value:
        raise Invalid("{text} is no pair", field=option, mend="write COLUMN=VALUE", text=text[:80])
    return column, value


def _place(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        lon, lat = map(float, text.split(","))
    except ValueError as error:
        raise Invalid("this is no place", field="place", mend="longitude,latitude") from error
    return lon, lat
