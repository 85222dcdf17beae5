# ruff: noqa: E501 - tables of words read better in one line
"""Guesses from names and values: titles, slugs, units, themes, update cycles. Each says why."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from statistics import median
from typing import Any

from quanyu.catalogue.codes import UpdateCycle
from quanyu.catalogue.harvest.reasons import because
from quanyu.kernel import LocalText

_CHINESE = re.compile(r"[\u3400-\u9fff]")

UNITS: tuple[tuple[str, str], ...] = (
    (r"平方千米|平方公里|km2|km²|㎢", "km2"),
    (r"平方米|m2\b|m²|㎡|sqm", "m2"),
    (r"立方米|m3\b|m³", "m3"),
    (r"公顷|hectare|\bha\b", "ha"),
    (r"千瓦时|kwh", "kW.h"),
    (r"微克|[µu]g/m3|[µu]g/m³", "ug/m3"),
    (r"千米每小时|km/h|kmh", "km/h"),
    (r"公里|千米|\bkm\b", "km"),
    (r"厘米|\bcm\b", "cm"),
    (r"毫米|\bmm\b", "mm"),
    (r"吨|\btonnes?\b", "t"),
    (r"千克|公斤|\bkg\b", "kg"),
    (r"摄氏|℃|°c|celsius", "Cel"),
    (r"百分比|比例|占比|percent|pct|%", "%"),
    (r"万元", "10^4.CNY"),
    (r"金额|人民币|\byuan\b|\bcny\b|（元）|\(元\)|价格|\bprice", "CNY"),
    (r"秒|\bsec(?:onds?)?\b", "s"),
    (r"分钟|\bminutes?\b", "min"),
    (r"分贝|\bdb\b", "dB"),
    (r"[（(]米[)）]|\bm\b|\bmet(?:er|re)s?\b", "m"),
)
"""From what names and comments say to units in UCUM; the first that fits counts."""

WORDS_OF_THEMES: dict[str, str] = {
    "transport": r"交通|公交|道路|车辆|停车|地铁|航班|路网|信号灯|transport|traffic|road|street|bus|parking|metro",
    "environment": r"环境|空气|水质|污染|绿化|垃圾|噪声|树|air|water quality|pollut|waste|noise|tree|environment",
    "weather": r"气象|天气|降雨|气温|风速|weather|rain|temperature|wind",
    "education": r"学校|教育|学生|教师|图书|文化|博物|school|educat|student|library|museum|cultur",
    "health": r"医院|医疗|卫生|疾病|药|诊|hospital|health|medical|clinic|disease",
    "housing": r"建筑|房屋|住房|楼|小区|规划|施工|building|hous|construct|planning",
    "geography": r"地理|边界|行政区|地名|地形|遥感|影像|boundar|geograph|elevation|land ?use|district|imagery",
    "energy": r"电力|能源|燃气|用电|用水|矿|energy|electric|gas\b|power|water supply",
    "commerce": r"商贸|零售|市场主体|商户|店铺|消费|retail|shop|store|commerce|trade",
    "finance": r"财政|税|预算|金融|银行|贷款|budget|tax|financ|bank|loan",
    "employment": r"就业|社保|职业|养老|保险|招聘|employ|insurance|pension|job",
    "public-safety": r"公安|治安|消防|报警|应急|police|crime|fire|emergency",
    "work-safety": r"安全生产|危险|事故|隐患|hazard|accident",
    "market": r"市场监管|许可|执照|检验|抽检|licen[cs]e|permit|inspection",
    "credit": r"信用|失信|红名单|黑名单|credit",
    "welfare": r"救助|低保|残疾|慈善|福利|welfare|charit|benefit",
    "law": r"法律|司法|公证|律师|仲裁|法院|legal|court|law",
    "institutions": r"机构|社会组织|事业单位|法人|institution|organi[sz]ation",
    "industry": r"工业|农业|企业|农田|种植|养殖|产业|industr|agricult|farm|crop|factory",
    "science": r"科技|专利|创新|实验|research|patent|innovation",
    "life": r"便民|服务点|公厕|旅游|景点|体育|toilet|touris|sport|service point",
}
"""What names say of a theme."""

_CYCLES: tuple[tuple[float, UpdateCycle], ...] = (
    (0.5, UpdateCycle.REAL_TIME),
    (2.0, UpdateCycle.DAILY),
    (10.0, UpdateCycle.WEEKLY),
    (45.0, UpdateCycle.MONTHLY),
    (120.0, UpdateCycle.QUARTERLY),
    (240.0, UpdateCycle.HALF_YEARLY),
    (500.0, UpdateCycle.YEARLY),
)
"""Days between changes, and the cycle that this is."""


def title_of(name: str, comment: str = "") -> LocalText:
    """A title from a comment, else from a name made into words."""
    said = " ".join((comment or name).split())[:200]
    if _CHINESE.search(said):
        return LocalText(zh=said)
    words = said if comment else re.sub(r"[_\-.]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name))
    text = " ".join(words.split()).strip() or "untitled"
    return LocalText(en=text[:1].upper() + text[1:])


def slug_from(*names: str) -> str:
    """A name in addresses from the first of ``names`` that has letters or digits."""
    for name in names:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-")
        if slug:
            return slug if slug[0].isalpha() else f"d-{slug}"
    return "dataset"


def unit_of(name: str, comment: str = "", type_: str = "") -> str:
    """The unit that a number's name or comment tells, in UCUM; empty when none does."""
    if type_ not in {"number", "integer", ""}:
        return ""
    text = f"{re.sub(r'_', ' ', name)} {comment}".lower()
    return next((unit for pattern, unit in UNITS if re.search(pattern, text)), "")


def themes_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Up to two themes that the words speak of most."""
    said = " ".join(texts).lower()
    counts = {theme: len(re.findall(pattern, said)) for theme, pattern in WORDS_OF_THEMES.items()}
    ranked = sorted((theme for theme, count in counts.items() if count), key=lambda t: -counts[t])
    return tuple(ranked[:2])


def cycle_of(
    moments: Sequence[object], column: str = ""
) -> tuple[UpdateCycle, Mapping[str, Any] | None]:
    """The update cycle that a history of changes shows: its usual step between days."""
    days = sorted({one for value in moments if (one := _day(value)) is not None})
    if len(days) < 4:
        return UpdateCycle.IRREGULAR, None
    gaps = [float(later - earlier) for earlier, later in pairwise(days)]
    usual = median(gaps)
    steady = sum(1 for gap in gaps if gap <= usual * 2 + 1) / len(gaps)
    if steady < 0.7:
        return UpdateCycle.IRREGULAR, None
    cycle = next((cycle for most, cycle in _CYCLES if usual <= most), UpdateCycle.IRREGULAR)
    if cycle is UpdateCycle.REAL_TIME:
        cycle = UpdateCycle.DAILY
    reason = because(
        "“{column}” changes every {days} days or so, seen {count} times",
        column=column,
        days=f"{usual:g}",
        count=len(days),
    )
    return cycle, reason


def dated(name: str, type_: str) -> bool:
    """Whether a column may tell when rows changed."""
    if type_ in {"date", "datetime"}:
        return True
    return type_ == "string" and bool(
        re.search(r"(?i)更新|修改|日期|时间|update|modif|date|time", name)
    )


def interval_of(moments: Sequence[object]) -> tuple[datetime | None, datetime | None]:
    """The first and last of some instants; those without an offset are taken for UTC."""
    found = []
    for value in moments:
        if isinstance(value, datetime):
            found.append(value if value.tzinfo else value.replace(tzinfo=UTC))
        elif isinstance(value, date):
            found.append(datetime(value.year, value.month, value.day, tzinfo=UTC))
    return (min(found), max(found)) if found else (None, None)


def _day(value: object) -> int | None:
    if isinstance(value, date):  # a datetime is one too
        return value.toordinal()
    match = re.match(r"(\d{4})[-/年.]?(\d{1,2})[-/月.]?(\d{1,2})", str(value))
    if match is None:
        return None
    try:
        return date(*map(int, match.groups())).toordinal()
    except ValueError:
        return None
