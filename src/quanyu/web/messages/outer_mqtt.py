"""Observations out of an MQTT broker that stands outside, such as Mosquitto.

A persistent session with QoS 1; each message is acknowledged to the broker when it is durable here,
so that what was not comes again, over a restart as well.
"""

import asyncio
import ssl
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import structlog
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from quanyu.kernel import Invalid, NotFound, QuanyuError, Unavailable
from quanyu.web.messages.taking import Taking
from quanyu.web.node import Node

_log = structlog.get_logger(__name__)
TOPICS = ("+/v1.1/+/Observations", "+/v1.1/Observations")
_WAITING = 1_000


async def follow_mqtt(node: Node) -> None:
    """Take in what comes until the connection ends; raises ``Unavailable`` then."""
    if node.settings.mqtt_url is None:
        return
    parts = _address(node.settings.mqtt_url.get_secret_value())
    client = _client(parts, f"quanyu-{node.settings.node_name}"[:60])
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    taking = Taking(node)
    waiting: set[asyncio.Task[None]] = set()

    async def take(message: MQTTMessage) -> None:
        try:
            await taking.take(None, message.topic, bytes(message.payload))
        except (Invalid, NotFound) as error:
            _log.warning("mqtt.dropped", topic=message.topic[:200], why=str(error))
        except QuanyuError as error:
            _log.error("mqtt.not_kept", why=str(error))
            client.disconnect()  # not acknowledged: the broker sends it again
            return
        client.ack(message.mid, message.qos)

    def begin(message: MQTTMessage) -> None:
        task = loop.create_task(take(message))
        waiting.add(task)
        task.add_done_callback(waiting.discard)

    def connected(_client: Client, _data: Any, _flags: Any, code: ReasonCode, _more: Any) -> None:
        if code.is_failure:
            loop.call_soon_threadsafe(ended.set)
            return
        client.subscribe([(topic, 1) for topic in TOPICS])
        _log.info("mqtt.following", host=parts.hostname)

    def came(_client: Client, _data: Any, message: MQTTMessage) -> None:
        loop.call_soon_threadsafe(begin, message)

    def disconnected(*_given: Any) -> None:
        loop.call_soon_threadsafe(ended.set)

    client.on_connect = connected
    client.on_message = came
    client.on_disconnect = disconnected
    default = 8883 if parts.scheme == "mqtts" else 1883
    await asyncio.to_thread(client.connect, parts.hostname or "", parts.port or default)
    client.loop_start()
    try:
        await ended.wait()
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)
        await asyncio.gather(*waiting, return_exceptions=True)
    raise Unavailable("the MQTT broker closed the connection")


def _address(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
        raise Invalid("this is no address of an MQTT broker", field="mqtt_url")
    return parts


def _client(parts: SplitResult, name: str) -> Client:
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=name,
        clean_session=False,
        protocol=MQTTProtocolVersion.MQTTv311,
        manual_ack=True,
    )
    client.max_inflight_messages_set(_WAITING)
    if parts.username:
        client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
    if parts.scheme == "mqtts":
        client.tls_set_context(ssl.create_default_context())
    return client
