"""A node that harvests, with a steward, and a department with a supplier."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from quanyu.catalogue import (
    HarvestRun,
    HarvestSource,
    RecordOutcome,
    Resource,
    RunItem,
    SourceKind,
    SourceSettings,
    Trust,
    add_source,
    harvest_once,
    resource,
    run_items,
)
from quanyu.kernel import ControlStore, LocalText, Settings
from quanyu.parties import Caller, Party, PartyKind, Role, Scope, register_party


def asking(party: Party, *roles: Role) -> Caller:
    """A caller of that party."""
    return Caller(party=party.id, kind=party.kind, roles=frozenset(roles), scopes=frozenset(Scope))


@dataclass
class Harvesting:
    """A node with a steward, and a department with a supplier."""

    control: ControlStore
    settings: Settings
    node: Party
    office: Party
    steward: Caller
    supplier: Caller
    stranger: Caller

    def add(self, kind: SourceKind, url: str, **more: Any) -> HarvestSource:
        caller = more.pop("caller", self.steward)
        every = more.pop("every_minutes", 60)
        more.setdefault("trust", Trust.PUBLISH)
        with self.control.begin() as session:
            return add_source(
                session,
                caller,
                name=LocalText(en=f"{kind} at {url}"[:100]),
                kind=kind,
                url=url,
                provider=self.office.id,
                settings=SourceSettings(**more),
                every_minutes=every,
            )

    def run(self, source: HarvestSource) -> HarvestRun:
        return harvest_once(self.control, self.settings, source.id)

    def items(self, run: HarvestRun, *outcomes: RecordOutcome) -> list[RunItem]:
        with self.control.read() as session:
            return run_items(session, run.id, outcomes=outcomes, limit=1000)

    def entries(self) -> list[Resource]:
        from quanyu.catalogue.tables import ResourceRow

        with self.control.read() as session:
            ids = session.scalars(select(ResourceRow.id).order_by(ResourceRow.number)).all()
            return [resource(session, one) for one in ids]


def found_harvesting(control: ControlStore, folder: Path) -> Harvesting:
    with control.begin() as session:
        node = register_party(session, kind=PartyKind.CITY_NODE, name=LocalText(en="Node"))
        office = register_party(session, kind=PartyKind.DEPARTMENT, name=LocalText(zh="交通局"))
        other = register_party(session, kind=PartyKind.UNIVERSITY, name=LocalText(en="University"))
    return Harvesting(
        control=control,
        settings=Settings(dir=folder, allow_private_urls=True),
        node=node,
        office=office,
        steward=asking(node, Role.STEWARD, Role.OPERATOR),
        supplier=asking(office, Role.SUPPLIER),
        stranger=asking(other, Role.SUPPLIER, Role.STEWARD),
    )
