"""Takes in observations that came by message: gate, datastream, store; durable when it returns."""

from time import monotonic
from typing import Any

import orjson
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from quanyu.agreements import Ask
from quanyu.catalogue import Kind, resource
from quanyu.kernel import Invalid, NotFound, ResourceId, now
from quanyu.parties import Caller
from quanyu.streams import datastream_numbers, default_features, described, observation_of
from quanyu.web.messages.topics import Topic, read_topic
from quanyu.web.node import Node

_KNOWN_S = 30.0
LONGEST_TTL = 0.5
_MOST_KNOWN = 100_000
_LONGEST = 1 << 20
WRITING = Ask(face="observe", action="modify")


class Taking:
    """One for each process; remembers for seconds which datastream a topic names."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._known: dict[tuple[str, str], tuple[float, int, int | None, bool]] = {}
        self._allowed: dict[tuple[Caller, str], float] = {}

    async def take(self, caller: Caller | None, text: str, payload: bytes) -> str:
        """Take in the observation that was sent to a topic; its name.

        Without ``caller`` it came from a broker that decides itself who may send. Raises
        ``Refused`` for whom the gate does not let write, ``NotFound`` for an unknown datastream,
        ``Invalid`` for what is no observation, ``Unavailable`` when it cannot be kept.
        """
        topic = read_topic(text)
        document = _document(payload)
        said = topic.datastream if topic.datastream is not None else _datastream(document)
        if caller is not None:
            await self._check(caller, topic.slug)
        number, feature, multi = await self._datastream(topic, said)
        one = observation_of(
            document, datastream=number, received=now(), feature=feature, multi=multi
        )
        return await self._node.observations.record(one)

    async def _check(self, caller: Caller, slug: str) -> None:
        """The gate's word counts as long as a caller is known without asking."""
        key = (caller, slug)
        if self._allowed.get(key, 0.0) > monotonic():
            return
        started = monotonic()
        await run_in_threadpool(self._node.gate.decide, caller, slug, WRITING)
        if len(self._allowed) >= _MOST_KNOWN:
            self._allowed.clear()
        self._allowed[key] = started + LONGEST_TTL

    async def _datastream(self, topic: Topic, said: str) -> tuple[int, int | None, bool]:
        known = self._known.get((topic.slug, said))
        if known is not None and known[0] > monotonic():
            return known[1:]
        found = await run_in_threadpool(self._look, topic, said)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[topic.slug, said] = (monotonic() + _KNOWN_S, *found)
        return found

    def _look(self, topic: Topic, said: str) -> tuple[int, int | None, bool]:
        with self._node.control.begin() as session:
            stream = _stream(session, topic.slug)
            number = datastream_numbers(session, stream, [said]).get(said)
            if number is None:
                raise NotFound("there is no datastream {id}", id=said)
            multi = described(session, [number])[number].multi
            return number, default_features(session, [number]).get(number), multi


def _stream(session: Session, slug: str) -> ResourceId:
    found = resource(session, slug)
    if found.kind is not Kind.STREAM:
        raise NotFound("there is no stream {slug}", slug=slug)
    return found.id


def _document(payload: bytes) -> dict[str, Any]:
    if len(payload) > _LONGEST:
        raise Invalid("an observation has at most 1 MiB", field="payload")
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise Invalid("this is no JSON", field="payload") from error
    if not isinstance(document, dict):
        raise Invalid("an observation is a JSON object", field="payload")
    return document


def _datastream(document: dict[str, Any]) -> str:
    for name in ("Datastream", "MultiDatastream"):
        said = document.get(name)
        if isinstance(said, dict) and isinstance(said.get("@iot.id"), str | int):
            return str(said["@iot.id"])
    raise Invalid(
        "an observation needs a datastream",
        field="Datastream",
        mend="send it to Datastreams(id)/Observations, or name it in Datastream.@iot.id",
    )
