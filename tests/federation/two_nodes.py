"""Two real nodes on this machine that know each other: one provides trees, one consumes."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "web"))

from town import PASSWORD, Town, bring_in, free_port, put_on_show, serve_town, trees

from migrated import new_control
from quanyu import app as composition
from quanyu.catalogue import Access
from quanyu.federation import Here, Peer, add_peer, here_of, set_peer_token
from quanyu.kernel import ControlStore, LocalText, load_settings, now
from quanyu.parties import (
    PartyKind,
    Role,
    Scope,
    add_member,
    caller_of,
    issue_token,
    register_party,
)

KIT = "TCK_PARTICIPANT"
CODE = "91350100M000100Y43"
"""The example of GB 32100-2015."""


@dataclass
class Nodes:
    """The provider's and the consumer's node, each of which is the other's peer."""

    provider: Town
    consumer: Town
    kit_token: str = ""
    kit_port: int = 0
    started: list[Callable[[], None]] = field(default_factory=list)
    """What stops servers that were started anew."""

    def here(self, town: Town) -> Here:
        return here_of(town.settings)


def found_node(folder: Path, name: str, extra: str = "") -> Town:
    """A node with its own party, and a department of which two members act."""
    town = Town(folder)
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    town.url = f"http://127.0.0.1:{port}"
    (folder / "quanyu.toml").write_text(
        f'node_name = "{name}"\nallow_private_urls = true\nport = {port}\n{extra}'
    )
    settings = load_settings(dir=folder)
    control = new_control(settings)
    composition.open_log(settings).close()
    people = {
        "node": (PartyKind.CITY_NODE, ["operator"], list(Role), None),
        "office": (
            PartyKind.DEPARTMENT,
            ["first", "second"],
            [Role.SUPPLIER, Role.STEWARD, Role.CONSUMER],
            CODE if name == "provider.test" else None,
        ),
        "stranger": (PartyKind.UNIVERSITY, ["stranger"], [Role.CONSUMER], None),
    }
    with control.begin() as session:
        for title, (kind, logins, roles, code) in people.items():
            party = register_party(
                session, kind=kind, name=LocalText(zh=title, en=title), credit_code=code
            )
            for login in logins:
                member = add_member(
                    session, party.id, login=login, name=login, password=PASSWORD, roles=roles
                )
                caller = caller_of(session, member.id)
                town.callers[login] = caller
                _, town.tokens[login] = issue_token(
                    session,
                    caller,
                    name="tests",
                    scopes=[Scope.READ, Scope.WRITE],
                    expires_at=now() + timedelta(days=1),
                )
    control.close()
    return town


def make_nodes(folder: Path, database: Callable[[str], str] = lambda _: "") -> Nodes:
    """Both nodes with their data, peers of each other, not served yet; ``database`` gives the
    settings of each one's database."""
    provider = found_node(
        folder / "provider",
        "provider.test",
        f'tck = "anyway"\nnegotiation_approvals = 2\n{database("provider")}',
    )
    consumer = found_node(folder / "consumer", "consumer.test", database("consumer"))
    nodes = Nodes(provider, consumer, kit_port=free_port())
    settings = provider.settings
    control = provider.control()
    store = composition.open_store(settings, control)
    version = bring_in(store, provider.folder, "trees", trees(60))
    with control.begin() as session:
        put_on_show(session, version, Access.RESTRICTED, provider.callers["first"])
    store.close()
    with control.begin() as session:
        _, nodes.kit_token = add_peer(
            session,
            here_of(settings),
            participant=KIT,
            address=f"http://127.0.0.1:{nodes.kit_port}",
            name=LocalText(zh="兼容性测试", en="Compatibility kit"),
            token="kit",
        )
    control.close()
    introduce(nodes)
    return nodes


def introduce(nodes: Nodes) -> None:
    """Make each the other's peer: tokens are exchanged as their operators would."""
    ours, theirs = nodes.provider.control(), nodes.consumer.control()
    first = _meet(ours, nodes.here(nodes.provider), nodes.here(nodes.consumer))
    second = _meet(theirs, nodes.here(nodes.consumer), nodes.here(nodes.provider), CODE)
    with ours.begin() as session:
        set_peer_token(session, nodes.here(nodes.provider), first[0].id, second[1])
    with theirs.begin() as session:
        set_peer_token(session, nodes.here(nodes.consumer), second[0].id, first[1])
    ours.close()
    theirs.close()


def _meet(
    control: ControlStore, here: Here, other: Here, code: str | None = None
) -> tuple[Peer, str]:
    with control.begin() as session:
        return add_peer(
            session,
            here,
            participant=other.participant,
            address=other.address,
            name=LocalText(en=other.participant),
            credit_code=code,
        )


def serve(town: Town) -> Callable[[], None]:
    """Serve a node on the port that its settings name; returns what stops it."""
    return serve_town(town, workers=1, port=town.settings.port)


def client(url: str, token: str | None) -> httpx.Client:
    """A client that speaks the protocol with a token."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=url, headers=headers, timeout=30, verify=False)
