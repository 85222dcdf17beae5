"""Entries of the demo that are no datasets: what this node and this machine really have."""

import os
import platform
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from quanyu.catalogue import (
    Access,
    Delivery,
    FieldMeaning,
    Kind,
    ProductDraft,
    ResourceDraft,
    UpdateCycle,
    draft_product,
    list_product,
    publish,
    register,
    resource,
)
from quanyu.cli.demo_city import DEPARTMENT_CONTACT, NODE_CONTACT
from quanyu.kernel import LocalText, PartyId
from quanyu.parties import Caller

FEATURES = "features-interface"
"""The last thing that the demo makes is this entry: with it the demo is whole."""

_APACHE = "https://www.apache.org/licenses/LICENSE-2.0"


def make_entries(
    session: Session, steward: Caller, department: Caller, address: str, area: str
) -> None:
    """A facility, an algorithm, a computer and the node's own interface."""
    for draft in (
        _museum(_party(department)),
        _shift(_party(steward)),
        _computer(_party(steward)),
        _interface(_party(steward), address),
    ):
        made = register(session, draft, steward, area=area)
        publish(session, made.id, steward)


def make_product(session: Session, maker: Caller, area: str) -> None:
    """A product that an enterprise offers out of open data."""
    of = resource(session, "helsinki-buildings")
    made = draft_product(
        session,
        ProductDraft(
            title=LocalText(zh="示例产品：建筑层数统计", en="Example product: levels of buildings"),
            provider=_party(maker),
            delivery=Delivery.REPORT,
            sources=(of.id,),
            abstract=LocalText(
                zh="按层数统计市中心建筑的数量。示例：说明资源与产品的区别。",
                en="How many buildings have how many levels. Example: shows how a product differs "
                "from a resource.",
            ),
            dictionary=(
                FieldMeaning("levels", "number", LocalText(zh="地上层数", en="Levels")),
                FieldMeaning("count", "integer", LocalText(zh="建筑数量", en="Buildings")),
            ),
        ),
        maker,
        area=area,
    )
    list_product(session, made.id, maker, operates=lambda _of: False)


def _party(caller: Caller) -> PartyId:
    assert caller.party is not None  # noqa: S101 - everybody of the demo has a party
    return caller.party


def _museum(provider: PartyId) -> ResourceDraft:
    return _draft(
        "ateneum",
        Kind.FACILITY,
        provider,
        title=LocalText(zh="阿黛浓美术馆", en="Ateneum Art Museum"),
        abstract=LocalText(
            zh="示例：一处文化设施的登记；地址取自 OpenStreetMap。",
            en="Example of an entry of a facility; the address is from OpenStreetMap.",
        ),
        themes=("education",),
        licence="ODbL-1.0",
        attribution="© OpenStreetMap contributors",
        bbox=(24.9435, 60.1697, 24.9447, 60.1706),
        contact=DEPARTMENT_CONTACT,
        attributes={
            "class": "culture",
            "address": "Kaivokatu 2, Helsinki",
            "website": "https://ateneum.fi/",
        },
    )


def _shift(provider: PartyId) -> ResourceDraft:
    return _draft(
        "gcj02-to-wgs84",
        Kind.ALGORITHM,
        provider,
        title=LocalText(zh="GCJ-02 坐标转 WGS 84", en="GCJ-02 coordinates to WGS 84"),
        abstract=LocalText(
            zh="示例：把地图常用的 GCJ-02 坐标换算为 WGS 84，本节点接入数据时所用。",
            en="Example: turns coordinates of Chinese web maps into WGS 84; what this node uses "
            "when it takes data in.",
        ),
        themes=("geography",),
        licence=_APACHE,
        attributes={
            "inputs": [_number("lon", "GCJ-02"), _number("lat", "GCJ-02")],
            "outputs": [_number("lon", "WGS 84"), _number("lat", "WGS 84")],
            "language": "Python",
            "entryPoint": "quanyu.spacetime.gcj02_to_wgs84",
        },
    )


def _computer(provider: PartyId) -> ResourceDraft:
    return _draft(
        "demo-computer",
        Kind.COMPUTE,
        provider,
        title=LocalText(zh="运行本演示的计算机", en="The computer that runs this demo"),
        abstract=LocalText(
            zh="示例：制作演示城市时读到的处理器架构与核数。",
            en="Example: architecture and cores as they were found when the demo city was made.",
        ),
        themes=("science",),
        licence="by-agreement",
        access=Access.SHARED,
        attributes={
            "processor": {"kind": "cpu", "architecture": platform.machine() or "unknown"},
            "cores": os.cpu_count() or 1,
        },
    )


def _interface(provider: PartyId, address: str) -> ResourceDraft:
    return _draft(
        FEATURES,
        Kind.SERVICE,
        provider,
        title=LocalText(
            zh="本节点的要素接口（OGC API – Features）",
            en="This node's features interface (OGC API – Features)",
        ),
        abstract=LocalText(
            zh="示例：本节点自己的标准接口，QGIS、GDAL 可直接打开；开放数据无需令牌。",
            en="Example: this node's own interface, for QGIS and GDAL; open data need no token.",
        ),
        themes=("geography",),
        licence=_APACHE,
        attributes={
            "protocol": "ogc-features",
            "endpoint": f"{address}/ogc/features",
            "description": f"{address}/api",
            "authentication": "token",
            "servesResources": ["helsinki-buildings", "helsinki-streets", "helsinki-landuse"],
        },
    )


def _number(name: str, datum: str) -> dict[str, Any]:
    return {"name": name, "description": f"Degrees, {datum}", "schema": "number", "required": True}


def _draft(slug: str, kind: Kind, provider: PartyId, **said: Any) -> ResourceDraft:
    attributes: Mapping[str, Any] = said.pop("attributes")
    return ResourceDraft(
        slug=slug,
        kind=kind,
        provider=provider,
        attributes=attributes,
        example=True,
        **{
            "access": Access.OPEN,
            "update_cycle": UpdateCycle.IRREGULAR,
            "contact": NODE_CONTACT,
            **said,
        },
    )
