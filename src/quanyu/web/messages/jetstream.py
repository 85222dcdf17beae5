"""Observations out of NATS JetStream: a durable consumer, acknowledged when they are durable here.

Subjects are the topics of MQTT below ``sensorthings``, with points for slashes and ``v1_1`` for
``v1.1``: ``sensorthings.slug.v1_1.Datastreams(id).Observations``.
"""

import asyncio
import contextlib
from typing import Any

import structlog

from quanyu.kernel import Invalid, NotFound, QuanyuError
from quanyu.web.messages.taking import Taking
from quanyu.web.node import Node

_log = structlog.get_logger(__name__)
STREAM = "QUANYU_OBSERVATIONS"
SUBJECTS = ["sensorthings.*.v1_1.Observations", "sensorthings.*.v1_1.*.Observations"]
DURABLE = "quanyu"
_AT_ONCE = 500
_ACK_WAIT_S = 30


async def follow_nats(node: Node) -> None:
    """Take in what comes until the connection is closed."""
    import nats
    from nats.errors import TimeoutError as NothingYet
    from nats.js.api import AckPolicy, ConsumerConfig, StreamConfig
    from nats.js.errors import NotFoundError

    settings = node.settings
    if settings.nats_url is None:
        return
    taking = Taking(node)
    connection = await nats.connect(
        settings.nats_url.get_secret_value(), name=f"quanyu {settings.node_name}"
    )
    try:
        stream = connection.jetstream()
        try:
            await stream.stream_info(STREAM)
        except NotFoundError:
            await stream.add_stream(StreamConfig(name=STREAM, subjects=SUBJECTS))
        consumer = ConsumerConfig(
            durable_name=DURABLE,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=_ACK_WAIT_S,
            max_ack_pending=4 * _AT_ONCE,
        )
        pulled = await stream.pull_subscribe("", DURABLE, stream=STREAM, config=consumer)
        _log.info("nats.following", stream=STREAM)
        while connection.is_connected or connection.is_reconnecting:
            with contextlib.suppress(NothingYet):
                messages = await pulled.fetch(_AT_ONCE, timeout=1)
                await asyncio.gather(*(_take(taking, message) for message in messages))
    finally:
        await connection.close()


async def _take(taking: Taking, message: Any) -> None:
    topic = message.subject.removeprefix("sensorthings.").replace(".v1_1.", "/v1.1/", 1)
    head, _, tail = topic.partition("/v1.1/")
    try:
        await taking.take(None, f"{head}/v1.1/{_path(tail)}", message.data)
    except (Invalid, NotFound) as error:
        _log.warning("nats.dropped", subject=message.subject[:200], why=str(error))
        await message.term()  # it would come again for ever
        return
    except QuanyuError as error:
        _log.error("nats.not_kept", why=str(error))
        await message.nak(delay=5)
        return
    await message.ack()


def _path(tail: str) -> str:
    entity, dot, last = tail.rpartition(".")
    return f"{entity}/{last}" if dot else last
