"""A node with one stream of two datastreams: a provider who may write, a stranger, a reader."""

import asyncio
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from quanyu import app as composition
from quanyu.agreements import approve, create_offer, end, request_agreement
from quanyu.catalogue import Access, Kind, ResourceDraft, publish, register
from quanyu.kernel import LocalText, load_settings, now, open_control
from quanyu.parties import (
    Caller,
    PartyKind,
    Role,
    Scope,
    add_member,
    caller_of,
    issue_token,
    register_party,
)
from quanyu.streams import DatastreamDraft, described, ensure_datastreams
from quanyu.web import Node, serve_messages

SLUG = "air"
ORIGINS = {
    "provider": PartyKind.CITY_NODE,
    "stranger": PartyKind.ENTERPRISE,
    "reader": PartyKind.ENTERPRISE,
    "partial": PartyKind.ENTERPRISE,
}
POLICY = {
    "@context": ["http://www.w3.org/ns/odrl.jsonld", {"quanyu": "urn:quanyu:ns:"}],
    "@type": "Offer",
    "permission": [{"action": "use"}],
}


@dataclass
class Streaming:
    """Tokens by the name of their party, and the numbers of the datastreams ``0`` and ``1``."""

    folder: Path
    tokens: dict[str, str] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    callers: dict[str, Caller] = field(default_factory=dict)
    agreements: dict[str, str] = field(default_factory=dict)

    def topic(self, place: int = 0) -> str:
        return f"{SLUG}/v1.1/Datastreams('{self.ids[place]}')/Observations"


def found(folder: Path, access: Access = Access.SHARED) -> Streaming:
    from migrated import new_control  # a process that serves such a node finds only this folder

    made = Streaming(folder)
    control = new_control(load_settings(dir=folder))
    with control.begin() as session:
        for name, kind in ORIGINS.items():
            party = register_party(session, kind=kind, name=LocalText(zh=name, en=name))
            member = add_member(
                session, party.id, login=name, name=name, password="a b c d e f g", roles=list(Role)
            )
            caller = made.callers[name] = caller_of(session, member.id)
            _, made.tokens[name] = issue_token(
                session,
                caller,
                name="tests",
                scopes=[Scope.READ, Scope.WRITE],
                expires_at=now() + timedelta(days=1),
            )
            if name == "provider":
                _stream(session, caller, made, access)
    control.close()
    return made


def _stream(session, caller, made: Streaming, access: Access) -> None:
    draft = ResourceDraft(
        slug=SLUG,
        kind=Kind.STREAM,
        title=LocalText(zh="空气", en="Air"),
        abstract=LocalText(zh="空气质量", en="Quality of the air"),
        provider=caller.party,
        licence="by-agreement",
        access=access,
    )
    resource = register(session, draft, caller)
    publish(session, resource.id, caller, reviewed=False)
    drafts = [
        DatastreamDraft(
            thing=f"station {n}",
            name="pm25",
            observed_property="PM2.5",
            unit="ug/m3",
            place=(116.4 + n / 10, 39.9),
        )
        for n in range(2)
    ]
    made.numbers = ensure_datastreams(session, resource.id, drafts)
    known = described(session, made.numbers)
    made.ids = [str(known[number].id) for number in made.numbers]


def policy(*constraints: dict[str, object]) -> dict[str, object]:
    """An offer to use the stream under constraints."""
    return {**POLICY, "permission": [{"action": "use", "constraint": list(constraints)}]}


def agree(made: Streaming, who: str = "reader", offered: dict[str, object] = POLICY) -> None:
    """A party may use the stream."""
    control = open_control(load_settings(dir=made.folder))
    provider, reader = made.callers["provider"], made.callers[who]
    with control.begin() as session:
        offer = create_offer(session, provider, SLUG, offered)
    with control.begin() as session:
        asked = request_agreement(session, reader, offer.id, statement="to breathe")
    with control.begin() as session:
        made.agreements[who] = approve(session, provider, asked.id).id
    control.close()


def stop_agreement(made: Streaming, who: str = "reader") -> None:
    """A party may use it no more."""
    control = open_control(load_settings(dir=made.folder))
    with control.begin() as session:
        end(session, made.callers["provider"], made.agreements[who], reason="it is over")
    control.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(streaming: Streaming, **settings: object) -> Iterator[Node]:
    """The node with its brokers, in a thread of this process."""
    node = composition.open_node(load_settings(dir=streaming.folder, **settings))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    task = asyncio.run_coroutine_threadsafe(serve_messages(node), loop)
    try:
        yield node
    finally:
        task.cancel()
        asyncio.run_coroutine_threadsafe(_settled(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
        composition.close_node(node)


async def _settled() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.wait(others, timeout=10) if others else None


if __name__ == "__main__":  # a server to be killed: folder and port
    settings = load_settings(dir=Path(sys.argv[1]), mqtt_port=int(sys.argv[2]))
    os.write(1, b"up\n")
    asyncio.run(serve_messages(composition.open_node(settings)))
