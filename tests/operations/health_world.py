"""A node with a small dataset in its store, for the tests of health: provider, user, stranger."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quanyu import app as composition
from quanyu.catalogue import (
    Access,
    Description,
    Resource,
    publish,
    refresh_dataset,
    register_dataset,
    resource,
)
from quanyu.kernel import ControlStore, LocalText, Settings, load_settings
from quanyu.operations import WEIGHTS, Looking, no_streams
from quanyu.parties import Caller, PartyKind, Role, add_member, caller_of, register_party
from quanyu.spacetime import IngestOptions, Store, ingest

LOOKING = Looking(WEIGHTS, no_streams)
RULES = """
rules:
- {name: levels-there, kind: present, columns: levels, share: 0.9}
- {name: levels-range, kind: range, columns: levels, least: 1, most: 60}
- {name: code-form, kind: pattern, columns: code, pattern: 'B-\\d{3}'}
- {name: use-codes, kind: codes, columns: use, values: [home, shop]}
- {name: code-unique, kind: unique, columns: [code]}
- {name: shapes, kind: shape}
- {name: inside, kind: inside, bbox: [116.0, 39.0, 117.0, 41.0]}
- {name: enough, kind: rows, least: 10}
- {name: begins-first, kind: condition, condition: begun <= done, severity: warning}
"""


def house(number: int, **changed: Any) -> dict[str, Any]:
    said = {
        "code": f"B-{number:03d}",
        "use": "home" if number % 2 else "shop",
        "levels": 1 + number % 9,
        "owner": f"owner-{number}",
        "begun": "2001-01-01",
        "done": "2002-01-01",
    } | changed
    lon, lat = said.pop("lon", 116.3 + number / 1000), 39.9
    return {
        "type": "Feature",
        "id": f"h{number}",
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": said,
    }


@dataclass
class World:
    """The node's parts, and who acts."""

    folder: Path
    settings: Settings
    control: ControlStore
    store: Store
    callers: dict[str, Caller] = field(default_factory=dict)

    def bring(self, slug: str, houses: list[dict[str, Any]], access: Access, who: str) -> Resource:
        """A new dataset, or a new version of one that there is."""
        source = self.folder / f"{slug}.geojson"
        source.write_text(json.dumps({"type": "FeatureCollection", "features": houses}))
        version = ingest(self.store, str(source), slug, IngestOptions()).version
        caller = self.callers[who]
        assert caller.party is not None
        with self.control.begin() as session:
            if version.number > 1:
                refresh_dataset(session, version, caller)
            else:
                said = Description(
                    title=LocalText(zh=f"{slug} 数据", en=slug.title()),
                    abstract=LocalText(zh="测试数据", en="Test data"),
                    provider=caller.party,
                    licence="CC-BY-4.0" if access is Access.OPEN else "by-agreement",
                    access=access,
                    themes=("environment",),
                )
                entry = register_dataset(session, version, said, caller, reviewed=False)
                if entry.published_at is None:
                    publish(session, entry.id, caller, reviewed=False)
            return resource(session, slug)


def found_world(folder: Path, control: ControlStore) -> World:
    """The node, with its parties and a dataset of twenty houses."""
    settings = load_settings(dir=folder)
    world = World(folder, settings, control, composition.open_store(settings, control))
    people = {
        "node": (PartyKind.CITY_NODE, list(Role)),
        "provider": (PartyKind.DEPARTMENT, [Role.SUPPLIER, Role.STEWARD]),
        "other": (PartyKind.DEPARTMENT, [Role.SUPPLIER, Role.STEWARD]),
        "user": (PartyKind.ENTERPRISE, [Role.CONSUMER, Role.STEWARD]),
    }
    for name, (kind, roles) in people.items():
        with control.begin() as session:
            party = register_party(session, kind=kind, name=LocalText(zh=name, en=name))
            member = add_member(
                session, party.id, login=name, name=name, password="a long password", roles=roles
            )
            world.callers[name] = caller_of(session, member.id)
    world.bring("houses", [house(n) for n in range(20)], Access.RESTRICTED, "provider")
    return world
