"""The day and the hours that sunlight is counted on, as processes are asked for them.

The cases of the Chinese standard for dwellings (GB 50180-2018, 4.0.9) are days by name: Great Cold
大寒日, counted from 8 to 16 h, and the winter solstice 冬至日, from 9 to 15 h, both in apparent
solar time 当地真太阳时. Which of them holds, and how many hours are asked (2 or 3 on Great Cold, 1
on the solstice), follows from climate zone and size of the city: that is for the caller to say.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from quanyu.compute.model import Given, Input
from quanyu.compute.surface.model import Floats
from quanyu.compute.surface.sun import Sun, solar_instants, sun_at, term_day
from quanyu.kernel import Invalid, LocalText

NAMED = {"great-cold": (300.0, 8.0, 16.0), "winter-solstice": (270.0, 9.0, 15.0)}
"""By name: the sun's ecliptic longitude, and the hours that count."""

DAY = Input(
    title=LocalText(zh="日期", en="Day"),
    description=LocalText(
        zh="great-cold 大寒日（8–16 时）、winter-solstice 冬至日（9–15 时），"
        "或日期如 2026-06-21（全天）。",
        en="great-cold (8 to 16 h), winter-solstice (9 to 15 h), or a date such as 2026-06-21 (all "
        "day).",
    ),
    schema={
        "anyOf": [
            {"type": "string", "enum": list(NAMED)},
            {"type": "string", "format": "date"},
        ]
    },
    default="great-cold",
)
YEAR = Input(
    title=LocalText(zh="年份", en="Year"),
    description=LocalText(
        zh="大寒日、冬至日取哪一年。", en="Whose Great Cold or winter solstice it is."
    ),
    schema={"type": "integer", "minimum": 1900, "maximum": 2100},
    default=2001,
)
BEGIN = Input(
    title=LocalText(zh="起始时刻", en="From"),
    description=LocalText(
        zh="真太阳时的小时；不给则按日期。",
        en="Hour of apparent solar time; left out: as the day says.",
    ),
    schema={"type": "number", "minimum": 0, "maximum": 24},
    unit="h",
    optional=True,
)
END = Input(
    title=LocalText(zh="终止时刻", en="To"),
    description=LocalText(
        zh="真太阳时的小时；不给则按日期。",
        en="Hour of apparent solar time; left out: as the day says.",
    ),
    schema={"type": "number", "minimum": 0, "maximum": 24},
    unit="h",
    optional=True,
)
REQUIRED = Input(
    title=LocalText(zh="要求的时数", en="Hours asked for"),
    description=LocalText(
        zh="给出则说明达到与否。", en="When it is given, it is told what has as many hours of sun."
    ),
    schema={"type": "number", "minimum": 0, "maximum": 24},
    unit="h",
    optional=True,
)
DAYS = {"day": DAY, "year": YEAR, "begin": BEGIN, "end": END}


def minutes_input(default: float) -> Input:
    """The step in which the sun is moved on."""
    return Input(
        title=LocalText(zh="时间间隔", en="Step"),
        description=LocalText(
            zh="太阳位置的时间间隔。", en="Between one place of the sun and the next."
        ),
        schema={"type": "number", "minimum": 0.5, "maximum": 60},
        unit="min",
        default=default,
    )


@dataclass(frozen=True, slots=True)
class Counted:
    """The sun in the middle of each step of ``minutes``, at ``unix`` seconds since 1970 (UTC);
    ``begin`` is the hour of apparent solar time at which the first step begins."""

    day: date
    sun: Sun
    unix: Floats
    minutes: float
    begin: float

    @property
    def hours(self) -> float:
        """How long the sun is above a level horizon in these steps."""
        return float((self.sun.elevation > 0).sum() * self.minutes / 60)

    def clock(self, step: int) -> str:
        """Apparent solar time at which a step begins, as ``HH:MM``."""
        minutes = round(self.begin * 60 + step * self.minutes)
        return f"{minutes // 60:02d}:{minutes % 60:02d}"

    def utc(self, step: int) -> datetime:
        """The instant at which a step begins."""
        at = datetime.fromtimestamp(float(self.unix[0]) - self.minutes * 30, UTC)
        return at + timedelta(minutes=step * self.minutes)


def counted(given: Given, longitude: float, latitude: float) -> Counted:
    """The sun over a place on the day that is asked for; raises ``Invalid`` where hours end before
    they begin."""
    name = given["day"]
    longitude_of, first, last = NAMED.get(name, (None, 0.0, 24.0))
    day = (
        date.fromisoformat(name) if longitude_of is None else term_day(given["year"], longitude_of)
    )
    begin = first if given["begin"] is None else float(given["begin"])
    end = last if given["end"] is None else float(given["end"])
    if end <= begin:
        raise Invalid(
            "the hours end before they begin", field="end", mend="give a later hour than begin"
        )
    unix = solar_instants(day, longitude, begin, end, given["minutes"])
    minutes = (end - begin) * 60 / len(unix)
    return Counted(day, sun_at(unix, longitude, latitude), unix, minutes, begin)
