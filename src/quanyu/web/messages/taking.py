"""Takes in observations that came by message: gate, datastream, store; durable when it returns."""

from functools import partial
from time import monotonic
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool

from quanyu.agreements import Ask
from quanyu.catalogue import Kind, resource
from quanyu.kernel import Invalid, NotFound, ResourceId
from quanyu.parties import Caller
from quanyu.web.messages.topics import read_topic
from quanyu.web.node import Node

_COUNTS_S = 0.5
_MOST_KNOWN = 10_000
_LONGEST = 1 << 20
WRITING = Ask(face="observe", action="modify")


class Taking:
    """One for each process; remembers for half a second who may write."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._allowed: dict[tuple[Caller | None, str], tuple[float, ResourceId]] = {}

    async def take(self, caller: Caller | None, text: str, payload: bytes) -> str:
        """Take in the observation that was sent to a topic; its name.

        Without ``caller`` it came from a broker that decides itself who may send. Raises
        ``Refused`` for whom the gate does not let write, ``NotFound`` for an unknown stream,
        ``Invalid`` for what is no observation of a datastream that is there, ``Unavailable`` when
        it cannot be kept.
        """
        topic = read_topic(text)
        document = _document(payload)
        if topic.datastream is not None:
            name = "MultiDatastream" if topic.multi else "Datastream"
            document[name] = {"@iot.id": topic.datastream}
        stream = await self._stream(caller, topic.slug)
        intake = self._node.intake
        one = intake.peek(stream, document)
        if one is None:
            prepare = partial(intake.prepare, stream, document, making=False)
            one = await run_in_threadpool(prepare)
        return await self._node.observations.record(one)

    async def _stream(self, caller: Caller | None, slug: str) -> ResourceId:
        """The stream, once the gate has let the caller write; that counts for half a second."""
        known = self._allowed.get((caller, slug))
        if known is not None and known[0] > monotonic():
            return known[1]
        started = monotonic()
        found = await run_in_threadpool(self._look, caller, slug)
        if len(self._allowed) >= _MOST_KNOWN:
            self._allowed.clear()
        self._allowed[caller, slug] = (started + _COUNTS_S, found)
        return found

    def _look(self, caller: Caller | None, slug: str) -> ResourceId:
        if caller is not None:
            return self._node.gate.decide(caller, slug, WRITING).resource
        with self._node.control.read() as session:
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
