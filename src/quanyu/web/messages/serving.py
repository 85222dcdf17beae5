"""Keeps brokers served as long as the process runs.

Every process of a node offers to serve the embedded broker; the one that gets the port does it.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import structlog

from quanyu.web.node import Node

_log = structlog.get_logger(__name__)
_AGAIN_S = 2.0


async def serve_messages(node: Node) -> None:
    """Serve what the settings name, until it is cancelled."""
    settings = node.settings
    work: list[Callable[[Node], Awaitable[None]]] = []
    if settings.mqtt_port is not None:
        work.append(_embedded)
    if settings.mqtt_url is not None:
        from quanyu.web.messages.outer_mqtt import follow_mqtt

        work.append(follow_mqtt)
    if settings.nats_url is not None:
        from quanyu.web.messages.jetstream import follow_nats

        work.append(follow_nats)
    await asyncio.gather(*(_again_and_again(node, one) for one in work))


async def _again_and_again(node: Node, work: Callable[[Node], Awaitable[None]]) -> None:
    said = ""
    while True:
        try:
            await work(node)
        except Exception as error:  # noqa: BLE001 - a broker may be away; it is tried again
            if str(error) != said:
                said = str(error)
                _log.warning("messages.away", work=work.__name__, why=said[:300])
        await asyncio.sleep(_AGAIN_S)


async def _embedded(node: Node) -> None:
    from amqtt.errors import BrokerError

    from quanyu.web.messages.broker import MqttBroker

    settings = node.settings
    if settings.mqtt_port is None or _taken(settings.mqtt_host, settings.mqtt_port):
        return
    broker = MqttBroker(node, settings.mqtt_host, settings.mqtt_port)
    try:
        await broker.start()
    except BrokerError:  # another process was quicker
        return
    _log.info("mqtt.listening", host=settings.mqtt_host, port=settings.mqtt_port)
    try:
        await asyncio.Event().wait()
    finally:
        await broker.shutdown()


def _taken(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False
