"""The demo's stream: the weather of typical years played back at things of the city, sixty times as
fast, with rules over it. Every alert and every order that follows of it comes the usual way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from quanyu import app as composition
from quanyu.catalogue import Access, Kind, ResourceDraft, State, UpdateCycle, publish, register
from quanyu.catalogue import resource as named
from quanyu.cli.data import Desk
from quanyu.cli.demo_city import DEPARTMENT_CONTACT
from quanyu.cli.demo_facilities import FACILITIES, rows_of
from quanyu.cli.demo_voices import ATENEUM
from quanyu.cli.replay import COLUMNS, LICENCE, typical_year
from quanyu.kernel import LocalText, NotFound, PartyId, ResourceId, now
from quanyu.operations import (
    Memory,
    OrderFilter,
    OrderMove,
    RuleState,
    WorkOrderState,
    escalate_due,
    judge_new,
    keep_rule,
    list_work_orders,
    move_work_order,
    observed,
    put_calendar,
    read_rules,
)
from quanyu.parties import Caller
from quanyu.streams import (
    REPLAY_FILE,
    DatastreamDraft,
    Observations,
    Replay,
    default_features,
    ensure_datastreams,
    keep_replay,
    play,
)

if TYPE_CHECKING:
    import pyarrow as pa

STREAM = "weather-replay"
SPEED = 60
STEP = timedelta(hours=1) / SPEED
_PAST = timedelta(days=2)
_SILENT = timedelta(hours=2)
_MEANWHILE = timedelta(minutes=43)
"""How long before now the first alert is looked at: it is over by now, and its order with it."""
_SEEN = {
    "temp_air": "气温 · air temperature",
    "relative_humidity": "相对湿度 · relative humidity",
    "pressure": "气压 · air pressure",
    "wind_speed": "风速 · wind speed",
    "ghi": "太阳辐射 · global irradiance",
}
"""Columns of the year that the demo plays, and what their datastreams are called."""
_VOCABULARY = "http://vocab.nerc.ac.uk/standard_name/"
_STANDARD = {
    "temp_air": "air_temperature",
    "relative_humidity": "relative_humidity",
    "pressure": "air_pressure",
    "wind_speed": "wind_speed",
    "ghi": "surface_downwelling_shortwave_flux_in_air",
}
"""Names of the CF conventions."""


@dataclass(frozen=True, slots=True)
class _Station:
    """A year that is played at a thing: which of pvlib's, and its hour that is now. One that is
    ``silent`` stops a while before now, so that missing data can be seen."""

    year: int
    hour: int
    silent: bool = False


_STATIONS = (
    _Station(0, 4550),
    _Station(1, 8140),
    _Station(0, 800),
    _Station(0, 2700, silent=True),
)


def play_weather(desk: Desk, people: Mapping[str, Caller]) -> None:
    """Make the stream with its rules, play it back up to now, and leave the node to go on.

    The file that the node goes on with is written last: without it all begins anew, and what is
    there already is left as it is.
    """
    path = desk.settings.dir / REPLAY_FILE
    if path.exists():
        return
    keeper = people["department"]
    of = _stream(desk, keeper)
    years = [typical_year(number) for number in (0, 1)]
    numbers = _datastreams(desk, of, years)
    _calendar(desk, keeper, people["department-2"])
    live, silent = _replays(desk, numbers, [weather for weather, _ in years])
    observations = composition.open_observations(desk.settings, desk.control)
    try:
        _go_on(desk, observations, keeper, (live, silent))
    finally:
        observations.close()
    keep_replay(path, live)


def _stream(desk: Desk, keeper: Caller) -> ResourceId:
    with desk.control.begin() as session:
        try:
            return named(session, STREAM).id
        except NotFound:
            pass
        made = register(session, _described(PartyId(str(keeper.party))), desk.caller)
        if made.state is not State.PUBLISHED:
            publish(session, made.id, desk.caller)
        return made.id


def _described(provider: PartyId) -> ResourceDraft:
    return ResourceDraft(
        slug=STREAM,
        kind=Kind.STREAM,
        provider=provider,
        title=LocalText(
            zh="典型年天气（回放，六十倍速）",
            en="Weather of typical years (replay, sixty times as fast)",
        ),
        abstract=LocalText(
            zh="回放，不是本地实测：两地典型年（TMY3）的逐时天气，每分钟播放一小时，"
            "置于市中心的几处路灯与一座建筑上，用来演示感知、告警与工单。",
            en="A replay, not measured here: the weather of typical years (TMY3) of two places "
            "elsewhere, an hour each minute, put at some street lamps and a building to show "
            "sensing, alerts and work orders.",
        ),
        themes=("environment",),
        keywords=("天气", "回放", "weather", "replay", "TMY3"),
        licence=LICENCE,
        attribution="NREL TMY3, PyPI pvlib",
        provenance=LocalText(
            zh="取自 PyPI 软件包 pvlib 随附的两份典型气象年文件。",
            en="From the two files of typical years that the PyPI package pvlib ships.",
        ),
        access=Access.OPEN,
        update_cycle=UpdateCycle.REAL_TIME,
        bbox=(24.93, 60.16, 24.96, 60.18),
        contact=DEPARTMENT_CONTACT,
        example=True,
    )


def _datastreams(
    desk: Desk, of: ResourceId, years: "list[tuple[pa.Table, dict[str, Any]]]"
) -> list[list[int]]:
    """The datastreams of each station, in the order of what is seen."""
    drafts = []
    for station, (name, title, template, place) in zip(_STATIONS, _things(desk), strict=True):
        about = years[station.year][1]
        whence = f"NREL TMY3 {about['USAF']} {about['Name'].strip(chr(34)).title()}"
        said = {"replay": True, "source": whence, "speed": SPEED}
        drafts.append([
            DatastreamDraft(
                thing=name,
                thing_name=f"{title}（天气回放 · replay）",
                thing_properties={"template": template, **said},
                name=_SEEN[column],
                observed_property=COLUMNS[column][0],
                unit=COLUMNS[column][1],
                definition=f"{_VOCABULARY}{_STANDARD[column]}/",
                sensor="TMY3",
                place=place,
                properties={**said, "cadence": f"PT{int(STEP.total_seconds())}S"},
            )
            for column in _SEEN
        ])  # fmt: skip
    with desk.control.begin() as session:
        return [ensure_datastreams(session, of, some) for some in drafts]


def _things(desk: Desk) -> list[tuple[str, str, str, tuple[float, float]]]:
    """Things of the city, by the ids that they have there: a lamp near the middle, a building, and
    the lamps that are farthest from those."""
    lamps = [one for one in rows_of(desk, FACILITIES.dataset) if one[1]["kind"] == "street_lamp"]
    at = shapely.get_coordinates([shape for shape, _ in lamps])
    house = next(one for one in rows_of(desk, "helsinki-buildings") if one[1]["osm_id"] == ATENEUM)
    roof = shapely.get_coordinates(shapely.point_on_surface(house[0]))[0]
    flat = (np.cos(np.radians(at[0, 1])), 1.0)
    first = int(np.argmin(np.linalg.norm((at - at.mean(axis=0)) * flat, axis=1)))
    chosen, near = [first], [at[first], roof]
    while len(chosen) < len(_STATIONS) - 1:
        away = np.min([np.linalg.norm((at - one) * flat, axis=1) for one in near], axis=0)
        chosen.append(int(np.argmax(away)))
        near.append(at[chosen[-1]])
    found = [_lamp(lamps[one]) for one in chosen]
    name = house[1].get("name") or "Ateneum"
    roofs = (ATENEUM, f"{name} 屋顶 · roof", "building", (float(roof[0]), float(roof[1])))
    return [found[0], roofs, *found[1:]]


def _lamp(row: tuple[Any, Mapping[str, Any]]) -> tuple[str, str, str, tuple[float, float]]:
    name = str(row[1]["osm_id"])
    title = f"路灯 · lamp {name.rpartition('/')[2]}"
    return name, title, "lamp", (row[0].x, row[0].y)


def _calendar(desk: Desk, keeper: Caller, colleague: Caller) -> None:
    """The two of the department take turns by the day."""
    first = now().astimezone().date().isoformat()
    turns = {"members": [keeper.member, colleague.member], "first": first, "at": "09:00", "days": 1}
    with desk.control.begin() as session:
        put_calendar(
            session, keeper, "duty", {"zone": desk.settings.time_zone, "rotations": [turns]}
        )


def _replays(
    desk: Desk, numbers: list[list[int]], years: "list[pa.Table]"
) -> tuple[Replay, Replay]:
    """What goes on, and what falls silent: a row is an hour of the year, the first is now."""
    import pyarrow as pa

    began = now().replace(second=0, microsecond=0)
    columns: dict[bool, dict[str, Any]] = {False: {}, True: {}}
    for station, some in zip(_STATIONS, numbers, strict=True):
        year = years[station.year]
        turned = pa.concat_tables([year.slice(station.hour), year.slice(0, station.hour)])
        columns[station.silent] |= {
            str(number): turned[column] for number, column in zip(some, _SEEN, strict=True)
        }
    with desk.control.begin() as session:
        features = default_features(session, [one for some in numbers for one in some])
    live, silent = (
        Replay(pa.table(columns[key]).combine_chunks(), began, STEP, features)
        for key in (False, True)
    )
    return live, silent


def _go_on(
    desk: Desk, observations: Observations, keeper: Caller, replays: tuple[Replay, Replay]
) -> None:
    """The past as it was: what came is judged, orders are opened and done, more comes."""
    live, silent = replays
    moment, memory = live.began, Memory()
    source = observed(desk.control, observations)

    def judge() -> None:
        judge_new(desk.control, source, memory, desk.settings.time_zone, newest=first)
        escalate_due(desk.control)

    first = observations.newest()
    rules = read_rules(Path(__file__).with_name("demo_rules.yaml").read_text("utf-8"))
    of_missing = [one for one in rules if one.id == "no-data"]
    with desk.control.begin() as session:
        for rule in rules:
            # Data of the past are not missing because they are brought in afterwards.
            keep_rule(
                session, keeper, rule, RuleState.DRAFT if rule in of_missing else RuleState.LIVE
            )
    judge()
    play(observations, silent, moment - _PAST, moment - _SILENT)
    play(observations, live, moment - _PAST, moment - _MEANWHILE)
    judge()
    _work(desk, keeper, OrderMove.ACCEPT, OrderMove.START, OrderMove.FINISH)
    play(observations, live, moment - _MEANWHILE, moment)
    with desk.control.begin() as session:
        for rule in of_missing:
            keep_rule(session, keeper, rule, RuleState.LIVE)
    judge()
    judge()  # subjects of missing data were told of just now
    _work(desk, keeper, OrderMove.ACCEPT)


def _work(desk: Desk, keeper: Caller, *moves: OrderMove) -> None:
    """Somebody of the department takes up the first order that is open."""
    with desk.control.begin() as session:
        wanted = OrderFilter(party=keeper.party, states=frozenset({WorkOrderState.OPEN}))
        found = list_work_orders(session, keeper, wanted, limit=1).items
        for move in moves if found else ():
            move_work_order(session, found[0].id, keeper, move)
