"""Observations to clients of the embedded broker: out of the store, through the gate, in order.

The cursor of a persistent session stands in the control store: it moves when the
client has acknowledged (QoS 1), and whoever comes back goes on where it was.
"""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import orjson
import structlog
from starlette.concurrency import run_in_threadpool

from quanyu.kernel import NotFound, QuanyuError, TooMany, Unauthenticated
from quanyu.parties import Caller
from quanyu.streams import (
    SubscriptionDraft,
    Way,
    datastream_numbers,
    end_subscription,
    heard,
    of_client,
    remove_subscription,
    subscribe,
)
from quanyu.web.following.news import Asked, News, news, note_use, written
from quanyu.web.messages.topics import Topic, read_topic
from quanyu.web.node import Node

if TYPE_CHECKING:
    from amqtt.session import Session

_log = structlog.get_logger(__name__)
_LOOK_S = 0.2
_QUOTA_S = 30.0
_AT_ONCE = 20
_QOS_1 = 1


class Sender(Protocol):
    """What sends to a session, ``None`` when it is not connected."""

    async def caller(self, session: "Session") -> Caller | None: ...

    async def send(self, session: "Session", topic: str, body: bytes, qos: int) -> bool: ...


@dataclass(slots=True)
class _Following:
    topic: str
    asked: Asked
    qos: int
    cursor: int
    kept: str | None  # the subscription in the control store


class Delivery:
    """What the clients of one broker follow."""

    def __init__(self, node: Node, sender: Sender) -> None:
        self._node = node
        self._sender = sender
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def allowed(self, caller: Caller, text: str) -> bool:
        """Whether a caller may follow a topic: it names a stream, and the gate lets it read."""
        try:
            await run_in_threadpool(self._asked, caller, text)
        except QuanyuError as error:
            _log.info("mqtt.not_allowed", party=caller.party, topic=text[:200], why=str(error))
            return False
        return True

    async def begin(self, session: "Session", caller: Caller, text: str, qos: int) -> None:
        """Follow a topic from now on, or from where a persistent session was."""
        client = str(session.client_id)
        following = await run_in_threadpool(
            self._following, caller, client, text, qos, bool(session.clean_session)
        )
        self._start(session, following)

    async def resume(self, session: "Session") -> list[tuple[str, int]]:
        """Go on with all that a client followed; its topics and their QoS."""
        client, caller = str(session.client_id), await self._sender.caller(session)
        if caller is None:
            return []
        kept = await run_in_threadpool(self._kept, client)
        for topic, qos in kept:
            await self.begin(session, caller, topic, qos)
        return kept

    def pause(self, client: str) -> None:
        """Nothing more for a client that went; what it follows stays."""
        for key in [one for one in self._tasks if one[0] == client]:
            self._tasks.pop(key).cancel()

    async def end(self, client: str, topic: str | None = None) -> None:
        """Follow a topic no more, or nothing at all."""
        for key in [one for one in self._tasks if one[0] == client and topic in {None, one[1]}]:
            self._tasks.pop(key).cancel()
        await run_in_threadpool(self._forget, client, topic)

    def _start(self, session: "Session", following: _Following) -> None:
        key = (str(session.client_id), following.topic)
        before = self._tasks.pop(key, None)
        if before is not None:
            before.cancel()
        self._tasks[key] = asyncio.create_task(self._follow(session, following))

    async def _follow(self, session: "Session", one: _Following) -> None:
        observations = self._node.observations
        while True:
            try:
                if await run_in_threadpool(observations.newest) <= one.cursor:
                    await asyncio.sleep(_LOOK_S)
                    continue
                caller = await self._sender.caller(session)
                if caller is None:
                    raise Unauthenticated("the token is not valid any more")
                told = await run_in_threadpool(self._told, caller, one)
            except TooMany:
                await asyncio.sleep(_QUOTA_S)
                continue
            except QuanyuError as error:
                await self._stop(one, error)
                return
            if not await self._send(session, one, told):
                await asyncio.sleep(1)
                continue  # it went, or did not acknowledge: the same again
            one.cursor = told.to
            if one.kept is not None:
                await run_in_threadpool(self._heard, one.kept, told)

    async def _send(self, session: "Session", one: _Following, told: News) -> bool:
        documents = told.observations
        for first in range(0, len(documents), _AT_ONCE):
            sent = await asyncio.gather(
                *(
                    self._sender.send(session, one.topic, _numbered(seq, document), one.qos)
                    for seq, document in documents[first : first + _AT_ONCE]
                )
            )
            if not all(sent):
                return False
        return True

    async def _stop(self, one: _Following, error: QuanyuError) -> None:
        _log.info("mqtt.ended", topic=one.topic, why=str(error))
        if one.kept is not None and not isinstance(error, Unauthenticated):
            await run_in_threadpool(self._ended, one.kept, str(error))

    def _told(self, caller: Caller, one: _Following) -> News:
        base = self._node.settings.base_url
        told = news(self._node, caller, one.asked, one.cursor, base=base)
        note_use(self._node, told, one.asked, written(told.document))
        return told

    def _asked(self, caller: Caller, text: str) -> Asked:
        topic = read_topic(text)
        asked = Asked(topic.slug, agreement=caller.agreement)
        grant = self._node.gate.decide(caller, topic.slug, asked.ask)
        if topic.datastream is None:
            return asked
        with self._node.control.read() as session:
            number = _number(datastream_numbers(session, grant.resource, [topic.datastream]), topic)
        visible = self._node.streams.visible_datastreams(
            grant.resource, grant.restriction, [number]
        )
        if number not in visible:
            raise NotFound("there is no datastream {id}", id=topic.datastream)
        return Asked(topic.slug, number, caller.agreement)

    def _following(
        self, caller: Caller, client: str, text: str, qos: int, clean: bool
    ) -> _Following:
        asked = self._asked(caller, text)
        newest = self._node.observations.newest()
        if clean or qos < _QOS_1 or caller.party is None:
            return _Following(text, asked, qos, newest, None)
        draft = SubscriptionDraft(
            way=Way.MQTT,
            party=caller.party,
            member=caller.member,
            slug=asked.slug,
            agreement=asked.agreement,
            datastream=asked.datastream,
            address=text,
            cursor=newest,
            client=client,
            qos=qos,
        )
        with self._node.control.begin() as session:
            kept = subscribe(session, draft)
        return _Following(text, asked, qos, kept.cursor, kept.id)

    def _kept(self, client: str) -> list[tuple[str, int]]:
        with self._node.control.read() as session:
            return [(one.address, one.qos) for one in of_client(session, client)]

    def _heard(self, identifier: str, told: News) -> None:
        with self._node.control.begin() as session:
            heard(session, identifier, told.to, told=bool(told.observations))

    def _ended(self, identifier: str, why: str) -> None:
        with self._node.control.begin() as session:
            end_subscription(session, identifier, why)

    def _forget(self, client: str, topic: str | None) -> None:
        with self._node.control.read() as session:
            kept = [one for one in of_client(session, client) if topic in {None, one.address}]
        if not kept:
            return
        with self._node.control.begin() as session:
            for one in kept:
                remove_subscription(session, one.id)


def _number(found: dict[str, int], topic: Topic) -> int:
    if topic.datastream is None or topic.datastream not in found:
        raise NotFound("there is no datastream {id}", id=str(topic.datastream)[:80])
    return found[topic.datastream]


def _numbered(seq: int, document: dict[str, Any]) -> bytes:
    """An observation with its number, so that a gap or one that comes again can be told."""
    return orjson.dumps({**document, "quanyu:number": seq})
