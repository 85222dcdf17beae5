"""A small town for the tests of the web: three parties, four datasets, one agreement with teeth."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from sqlalchemy.orm import Session

from migrated import new_control
from quanyu import app as composition
from quanyu.agreements import approve, create_offer, end, request_agreement
from quanyu.catalogue import Access, Description, publish, register_dataset
from quanyu.kernel import (
    ControlStore,
    LocalText,
    Settings,
    TokenId,
    load_settings,
    now,
    open_control,
)
from quanyu.parties import (
    Caller,
    PartyKind,
    Role,
    Scope,
    add_member,
    caller_of,
    issue_token,
    register_party,
    revoke_token,
)
from quanyu.spacetime import IngestOptions, Store, Version, ingest
from warm import warm_quanyu

PASSWORD = "correct horse battery staple"
WEST, SOUTH, EAST, NORTH = 24.90, 60.15, 24.98, 60.19
MIDDLE = (WEST + EAST) / 2
PURPOSE = "research"
BELIEVED = 0.6
"""Seconds for which workers may still believe what they knew before."""
CONTEXT = ["http://www.w3.org/ns/odrl.jsonld", {"quanyu": "urn:quanyu:ns:"}]


def grid(count: int, columns: int) -> list[tuple[int, float, float]]:
    """Numbered places over the town, none on its middle line."""
    rows = -(-count // columns)
    return [
        (
            number,
            WEST + (EAST - WEST) * (number % columns + 0.5) / columns,
            SOUTH + (NORTH - SOUTH) * (number // columns + 0.5) / rows,
        )
        for number in range(count)
    ]


def trees(count: int = 400) -> dict[str, Any]:
    """Open points."""
    kinds = ("lime", "oak", "birch", "maple")
    return collection(
        {
            "type": "Feature",
            "id": f"t{number:04d}",
            "geometry": {"type": "Point", "coordinates": [round(x, 6), round(y, 6)]},
            "properties": {
                "name": f"Tree {number}",
                "kind": kinds[number % 4],
                "height": 3.0 + number % 20,
                "planted": f"{1950 + number % 70}-04-{1 + number % 28:02d}",
                "rings": number % 70,
                "street": number % 3 == 0,
            },
        }
        for number, x, y in grid(count, 20)
    )


def buildings(count: int = 300) -> dict[str, Any]:
    """Restricted polygons: with a column to hide, one to mask and rows to hide."""
    size = 0.0006
    return collection(
        {
            "type": "Feature",
            "id": f"b{number:04d}",
            "geometry": {
                "type": "Polygon",
                "coordinates": [
                    [
                        [x - size, y - size],
                        [x + size, y - size],
                        [x + size, y + size],
                        [x - size, y + size],
                        [x - size, y - size],
                    ]
                ],
            },
            "properties": {
                "name": f"House {number}",
                "levels": 1 + number % 12,
                "owner": f"owner-{number:04d}",
                "phone": f"0401{number:06d}",
            },
        }
        for number, x, y in grid(count, 20)
    )


def collection(features: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def west_half() -> dict[str, Any]:
    ring = [[WEST, SOUTH], [MIDDLE, SOUTH], [MIDDLE, NORTH], [WEST, NORTH], [WEST, SOUTH]]
    return {"type": "Polygon", "coordinates": [ring]}


def visible(number: int, x: float) -> bool:
    """Whether the agreement of the town shows a building."""
    return 1 + number % 12 <= 6 and x < MIDDLE


def policy(*constraints: dict[str, Any], actions: Sequence[str] = ("use",)) -> dict[str, Any]:
    said = [{"action": action, "constraint": list(constraints)} for action in actions]
    return {"@context": CONTEXT, "@type": "Offer", "permission": said}


def term(left: str, operator: str, right: Any) -> dict[str, Any]:
    if isinstance(right, dict):
        right = {"@type": "@json", "@value": right}
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


@dataclass
class Town:
    """Where the town is served, and its people's tokens."""

    folder: Path
    url: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    callers: dict[str, Caller] = field(default_factory=dict)
    agreement: str = ""
    server: int = 0
    """Process that serves it."""

    @property
    def settings(self) -> Settings:
        return load_settings(dir=self.folder)

    def control(self) -> ControlStore:
        return open_control(self.settings)

    def client(self, who: str | None = None, **headers: str) -> httpx.Client:
        """A client that speaks for somebody, in English."""
        said = {"accept-language": "en", **headers}
        if who is not None:
            said["authorization"] = f"Bearer {self.tokens[who]}"
        # Nothing here is TLS, and certificates take longer to load than most requests to answer.
        return httpx.Client(base_url=self.url, headers=said, timeout=30, verify=False)

    def agree(
        self,
        slug: str,
        consumer: str,
        *constraints: dict[str, Any],
        actions: Sequence[str] = ("use",),
    ) -> str:
        """A new agreement in force; its id."""
        control = self.control()
        with control.begin() as session:
            offer = create_offer(
                session, self.callers["provider"], slug, policy(*constraints, actions=actions)
            )
            asked = request_agreement(
                session, self.callers[consumer], offer.id, statement="to plan"
            )
            signed = approve(session, self.callers["provider"], asked.id)
        control.close()
        if self.url:
            time.sleep(BELIEVED)
        return signed.id

    def end(self, agreement: str, who: str) -> None:
        """End an agreement, and wait until every worker knows."""
        control = self.control()
        with control.begin() as session:
            end(session, self.callers[who], agreement, reason="the test is over")
        control.close()
        time.sleep(BELIEVED)

    def revoke(self, who: str, token: str) -> None:
        """Revoke a token."""
        control = self.control()
        with control.begin() as session:
            revoke_token(session, self.callers[who], TokenId(token))
        control.close()

    def token(self, who: str, **more: Any) -> tuple[str, str]:
        """Another token: its id and secret."""
        control = self.control()
        with control.begin() as session:
            token, secret = issue_token(
                session,
                self.callers[who],
                name=more.pop("name", "test"),
                scopes=more.pop("scopes", [Scope.READ]),
                expires_at=now() + timedelta(days=1),
                **more,
            )
        control.close()
        return token.id, secret


def found_town(folder: Path) -> Town:
    """Make the town's folder."""
    town = Town(folder)
    settings = load_settings(dir=folder)
    control = new_control(settings)
    composition.open_log(settings).close()
    people = {
        "node": (PartyKind.CITY_NODE, "节点", list(Role)),
        "provider": (PartyKind.DEPARTMENT, "规划局", [Role.SUPPLIER, Role.STEWARD]),
        "consumer": (PartyKind.ENTERPRISE, "公交公司", [Role.CONSUMER]),
        "stranger": (PartyKind.UNIVERSITY, "大学", [Role.CONSUMER]),
    }
    for name, (kind, title, roles) in people.items():
        with control.begin() as session:
            party = register_party(session, kind=kind, name=LocalText(zh=title, en=name))
            member = add_member(
                session, party.id, login=name, name=name, password=PASSWORD, roles=roles
            )
            caller = caller_of(session, member.id)
            town.callers[name] = caller
            _, town.tokens[name] = issue_token(
                session,
                caller,
                name="tests",
                scopes=[Scope.READ, Scope.WRITE],
                expires_at=now() + timedelta(days=1),
            )
    store = composition.open_store(settings, control)
    provider = town.callers["provider"]
    assert provider.party is not None
    for slug, features, access in (
        ("trees", trees(), Access.OPEN),
        ("buildings", buildings(), Access.RESTRICTED),
        ("secrets", trees(50), Access.CLOSED),
        ("changing", trees(30), Access.OPEN),
        ("changing", trees(60), Access.OPEN),
    ):
        version = bring_in(store, folder, slug, features)
        with control.begin() as session:
            put_on_show(session, version, access, provider)
        # A copy that is ready answers the same as the engine does; the tests see both kinds.
        if slug != "changing":
            store.view(slug).prepare()
    store.close()
    control.close()
    town.agreement = town.agree(
        "buildings",
        "consumer",
        term("quanyu:columns", "isNoneOf", ["phone"]),
        term("quanyu:mask", "eq", {"column": "owner", "mask": "keep-last-4"}),
        term("quanyu:rows", "isPartOf", "levels <= 6"),
        term("spatial", "isPartOf", west_half()),
    )
    return town


def bring_in(store: Store, folder: Path, slug: str, features: dict[str, Any]) -> Version:
    source = folder / f"{slug}.geojson"
    source.write_text(json.dumps(features))
    return ingest(store, str(source), slug, IngestOptions()).version


def put_on_show(session: Session, version: Version, access: Access, caller: Caller) -> None:
    """Register and publish a dataset."""
    assert caller.party is not None
    said = Description(
        title=LocalText(zh=f"{version.dataset} 数据", en=version.dataset.title()),
        abstract=LocalText(zh="测试数据", en=f"Test data: {version.dataset}"),
        provider=caller.party,
        licence="CC-BY-4.0" if access is Access.OPEN else "by-agreement",
        access=access,
        themes=("environment",),
        attribution="Town of tests",
    )
    entry = register_dataset(session, version, said, caller, reviewed=False)
    if entry.published_at is None:
        publish(session, entry.id, caller, reviewed=False)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def serve_town(town: Town, workers: int = 2, port: int = 0) -> Callable[[], None]:
    """Start the real server; returns what stops it."""
    port = port or free_port()
    town.url = f"http://127.0.0.1:{port}"
    log = (town.folder / "server.log").open("wb")
    process = subprocess.Popen(
        [
            warm_quanyu(),
            *("serve", "--dir", town.folder, "--port", str(port), "--workers", str(workers)),
        ],
        stdout=log,
        stderr=log,
    )
    town.server = process.pid

    def stop() -> None:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()

    with httpx.Client(timeout=10, verify=False) as client:
        for _ in range(1800):
            if process.poll() is not None:
                break
            try:
                if client.get(f"{town.url}/readyz").status_code == 200:
                    return stop
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
    stop()
    raise RuntimeError((town.folder / "server.log").read_text()[-4000:])


def kill_town(town: Town) -> None:
    """Kill its server and all workers at once, none of which can say a last word; the process
    behind the command sees to it. Returns when nothing listens any more."""
    os.kill(town.server, signal.SIGKILL)
    at = urlsplit(town.url)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection((at.hostname, at.port), timeout=5).close()
        except ConnectionRefusedError:
            return
        except OSError:  # it died meanwhile
            pass
        time.sleep(0.01)
    raise AssertionError(f"{town.url} outlives SIGKILL")
