"""Entries for measuring the search: a made-up catalogue in Chinese and English, alike each time."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from quanyu.catalogue import (
    THEMES,
    Access,
    FieldMeaning,
    Grade,
    Kind,
    Resource,
    State,
    UpdateCycle,
)
from quanyu.kernel import LocalText, PartyId, ResourceId

SUBJECTS = [
    line.split("|")
    for line in """公交车站|Bus stops|transport
公交线路|Bus routes|transport
地铁客流|Metro passengers|transport
交通流量|Traffic flow|transport
道路施工|Road works|transport
停车场泊位|Parking spaces|transport
共享单车骑行|Bicycle trips|transport
充电桩分布|Charging points|energy
建筑物轮廓|Building outlines|housing
房屋租赁备案|Rental registrations|housing
住房价格指数|Housing price index|housing
宗地权属|Land parcels|geography
行政区划边界|Administrative boundaries|geography
数字高程模型|Digital elevation model|geography
卫星影像|Satellite imagery|geography
空气质量监测|Air quality|environment
地表水水质|Surface water quality|environment
噪声监测|Noise levels|environment
生活垃圾清运|Household waste collection|environment
公园绿地|Parks and green spaces|environment
行道树|Street trees|environment
医院床位|Hospital beds|health
传染病报告|Infectious disease reports|health
疫苗接种|Vaccinations|health
药店名录|Pharmacies|health
中小学名录|Schools|education
图书馆借阅|Library loans|education
博物馆参观|Museum visits|education
企业登记|Company registrations|market
食品抽检|Food inspections|market
行政处罚|Administrative penalties|law
行政许可|Permits|law
财政预算|Public budget|finance
税收收入|Tax revenue|finance
政府采购|Public procurement|finance
社保参保人数|Social insurance members|employment
招聘岗位|Job vacancies|employment
人口普查|Population census|institutions
社区服务中心|Community centres|life
公共厕所|Public toilets|life
降雨量|Rainfall|weather
气温观测|Temperature observations|weather
内涝积水点|Flooding points|work-safety
消防栓|Fire hydrants|work-safety
视频监控点位|Camera locations|public-safety
路灯设施|Street lighting|public-safety
用电负荷|Electricity load|energy
天然气管网|Natural gas network|energy
养老机构|Homes for the elderly|welfare
残疾人补贴|Disability allowances|welfare""".splitlines()
]
ABOUT = [
    line.split("|")
    for line in """统计|statistics
实时监测数据|real-time monitoring
年度汇总|yearly summary
空间分布|spatial distribution
基础信息|basic information
预测结果|forecast results
历史档案|historical records
质量评估|quality assessment""".splitlines()
]
SAID = [
    line.split("|")
    for line in """\
由主管部门按规定采集并定期更新|Collected by the responsible department and updated regularly
包含位置、名称、类型和状态等字段|Contains location, name, type and status
用于规划、评估和公众服务|Used for planning, assessment and public services
数据经过脱敏处理，不含个人信息|Anonymised; contains no personal data
坐标采用国家大地坐标系|Coordinates are in the national geodetic system
每条记录有唯一标识和更新时间|Each record has an identifier and a time of change
可通过接口按区域和时间查询|Can be queried by area and time through an interface
缺失值以空值表示，异常值已标注|Missing values are empty, outliers are marked""".splitlines()
]
_ONE, _TWO = "东西南北中新安永长平福广宁海江河山石金玉", "城阳州岭川港湾溪源泉桥门林塘坪湖关屯营庄"
_FIRST = "East West South North New Great Upper Lower Old Long Green Stone Gold Clear High"
_LAST = "ford bridge gate field wood hill lake port well stead brook haven cliff moor dale"
_FORMATS = ("CSV", "GEOJSON", "PARQUET", "XLSX", "SHP", "JSON", "PDF", "NETCDF")
_LICENCES = ("CC-BY-4.0", "ODbL-1.0", "CC0-1.0", "by-agreement")
_THEMES = tuple(THEMES)
_START = datetime(2026, 11, 1, tzinfo=UTC)


def made_entries(count: int, *, seed: int = 1) -> Iterator[Resource]:
    """``count`` published entries of 300 providers over 6,000 places, the frequent ones often."""
    dice = random.Random(seed)
    places = _places(dice)
    providers = [PartyId(f"party_{number:026d}") for number in range(300)]
    kinds = list(Kind)
    for number in range(count):
        zh, en, theme = SUBJECTS[int(len(SUBJECTS) * dice.random() ** 1.6)]
        place_zh, place_en = places[int(len(places) * dice.random() ** 2)]
        about_zh, about_en = dice.choice(ABOUT)
        said = dice.sample(SAID, 3)
        year = 2005 + int(21 * dice.random())
        restricted = dice.random() < 0.3
        changed = _START - timedelta(seconds=int(dice.random() ** 2 * 4e8))
        yield Resource(
            id=ResourceId(f"resource_{number:026d}"),
            code=f"110101{number:014d}",
            slug=f"entry-{number}",
            kind=Kind.DATASET if dice.random() < 0.7 else dice.choice(kinds),
            title=LocalText(
                zh=f"{place_zh}{zh}{about_zh}（{year}年）",
                en=f"{en} of {place_en}: {about_en} {year}",
            ),
            abstract=LocalText(
                zh=f"{place_zh}的{zh}数据。" + "。".join(text for text, _ in said),
                en=f"Data on {en.lower()} in {place_en}. " + ". ".join(text for _, text in said),
            ),
            keywords=(zh, en, place_zh, place_en),
            themes=tuple(dict.fromkeys((theme, dice.choice(_THEMES))))[: 1 + (dice.random() < 0.3)],
            provider=providers[int(len(providers) * dice.random() ** 2)],
            licence="by-agreement" if restricted else dice.choice(_LICENCES[:3]),
            access=Access.RESTRICTED if restricted else Access.OPEN,
            update_cycle=dice.choice(list(UpdateCycle)),
            bbox=_box(dice),
            interval=(datetime(year, 1, 1, tzinfo=UTC), datetime(year, 12, 31, tzinfo=UTC)),
            fields=(FieldMeaning("name", "string"), FieldMeaning("value", "number")),
            formats=tuple(dice.sample(_FORMATS, 2)),
            grade=Grade.GENERAL,
            state=State.PUBLISHED,
            revision=2,
            created_at=_START - timedelta(days=3000) + timedelta(seconds=number),
            updated_at=changed,
            published_at=changed,
        )


def _places(dice: random.Random) -> list[tuple[str, str]]:
    names = {
        (f"{a}{b}{c}", f"{d}{e} {f}")
        for a, b, c, d, e, f in (
            (
                dice.choice(_ONE),
                dice.choice(_TWO),
                dice.choice("市县区镇"),
                dice.choice(_FIRST.split()),
                dice.choice(_LAST.split()),
                dice.choice(("City", "County", "District", "Town")),
            )
            for _ in range(6000)
        )
    }
    return sorted(names)


def _box(dice: random.Random) -> tuple[float, float, float, float]:
    x, y = 100 + 20 * dice.random(), 22 + 18 * dice.random()
    size = 0.02 + 0.5 * dice.random() ** 3
    return round(x, 5), round(y, 5), round(x + size, 5), round(y + size, 5)
