"""The embedded MQTT broker (amqtt): observations in, durable before they are acknowledged.

Clients sign in with an API token as their password. No message goes from one client to another:
what one sends is taken in or refused; what one receives comes out of the store, through the gate.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from amqtt.adapters import ReaderAdapter, WriterAdapter
from amqtt.broker import Broker, BrokerProtocolHandler
from amqtt.contexts import Action, ListenerConfig
from amqtt.errors import AMQTTError, MQTTError
from amqtt.mqtt.constants import QOS_1
from amqtt.mqtt.publish import PublishPacket
from amqtt.session import Session
from amqtt.utils import gen_client_id
from starlette.concurrency import run_in_threadpool

from quanyu.kernel import Invalid, NotFound, QuanyuError, Refused, Unauthenticated
from quanyu.parties import Caller
from quanyu.web.messages.delivering import Delivery
from quanyu.web.messages.taking import Taking
from quanyu.web.node import Node

_log = structlog.get_logger(__name__)
_FAILED = 0x80
# What is refused is written down here, with whom and why; the broker's own lines would repeat it.
logging.getLogger("amqtt").setLevel(logging.ERROR)


class MqttBroker(Broker):  # type: ignore[misc]  # amqtt has no types
    """A broker of one process at ``host:port``; the program's own way in and out."""

    def __init__(self, node: Node, host: str, port: int) -> None:
        listener = {"type": "tcp", "bind": f"{host}:{port}"}
        super().__init__({"listeners": {"default": listener}, "plugins": {}})
        self._node = node
        self._taking = Taking(node)
        self._delivery = Delivery(node, self)

    async def _initialize_client_session(
        self,
        reader: ReaderAdapter,
        writer: WriterAdapter,
        remote_address: str,
        remote_port: int,  # noqa: ARG002 - the broker gives it
    ) -> tuple[BrokerProtocolHandler, Session]:
        """Who connects must be known before anything is done to a session that is there."""
        try:
            handler, session = await BrokerProtocolHandler.init_from_connect(
                reader, writer, self.plugins_manager
            )
        except (AMQTTError, MQTTError):
            await writer.close()
            raise
        caller = await self.caller(session)
        if caller is None:
            _log.info("mqtt.refused", client=session.client_id, address=remote_address)
            handler.attach(session, reader, writer)
            await handler.mqtt_connack_authorize(False)
            await writer.close()
            raise MQTTError("a client without a valid token")
        # A session belongs to a party: the same name of another's client is another one.
        session.client_id = f"{caller.party}/{session.client_id or gen_client_id()}"
        if session.clean_session:
            await self._delete_session(session.client_id)
            await self._delivery.end(session.client_id)
        elif session.client_id in self._sessions:
            session = self._resumed(session)
        handler.handle_publish = partial(self._take, handler, handler.handle_publish)
        return handler, session

    def _resumed(self, new: Session) -> Session:
        held = self._sessions[str(new.client_id)][0]
        for name in ("will_flag", "keep_alive", "username", "password", "clean_session"):
            setattr(held, name, getattr(new, name))
        held.parent = 1
        return held

    async def caller(self, session: Session) -> Caller | None:
        """Whose token the password is; it is looked at again with everything that is done."""
        if not session.password:
            return None
        try:
            return await run_in_threadpool(self._node.callers.who, session.password, None)
        except Unauthenticated:
            return None

    async def _authenticate(self, session: Session, _: ListenerConfig) -> bool:
        """That was done before the session was touched."""
        return session.client_id is not None

    async def _take(
        self,
        handler: BrokerProtocolHandler,
        acknowledge: Callable[[PublishPacket], Any],
        packet: PublishPacket,
    ) -> None:
        """Take in what was sent, then let the broker acknowledge it.

        A message that is no observation is acknowledged and dropped, with a line in the log: it
        would come again for ever. Whoever may not write, and whoever cannot be served now, loses
        the connection, for MQTT 3.1.1 has no other word for it; the latter sends it again.
        """
        session = handler.session
        if session is None or packet.topic_name is None:
            return
        topic, payload = packet.topic_name, bytes(packet.data or b"")
        try:
            caller = await self.caller(session)
            if caller is None:
                await handler.handle_connection_closed()
                return
            await self._taking.take(caller, topic, payload)
        except Refused as error:
            _log.warning(
                "mqtt.not_allowed", client=session.client_id, topic=topic[:200], why=str(error)
            )
            await handler.handle_connection_closed()
            return
        except (Invalid, NotFound) as error:
            _log.warning(
                "mqtt.dropped", client=session.client_id, topic=topic[:200], why=str(error)
            )
        except QuanyuError as error:
            _log.error("mqtt.not_kept", client=session.client_id, why=str(error))
            await handler.handle_connection_closed()
            return
        await acknowledge(packet)

    async def send(self, session: Session, topic: str, body: bytes, qos: int) -> bool:
        """Send to a client; whether it is there and, with QoS 1, has acknowledged."""
        handler = self._get_handler(session)
        if handler is None or session.transitions.state != "connected":
            return False
        try:
            await handler.mqtt_publish(topic, body, qos, retain=False)
        except (AMQTTError, MQTTError, TimeoutError, OSError):
            return False
        return True

    async def _client_message_loop(
        self, client_session: Session, handler: BrokerProtocolHandler
    ) -> None:
        """What a persistent session followed goes on as soon as its client is back."""
        client = str(client_session.client_id)
        for topic, qos in await self._delivery.resume(client_session):
            held = self._subscriptions.setdefault(topic, [])
            if all(one.client_id != client for one, _ in held):
                held.append((client_session, qos))
        try:
            await super()._client_message_loop(client_session, handler)
        finally:
            self._delivery.pause(client)

    async def _topic_filtering(self, session: Session, topic: str, action: Action) -> bool:
        """Whether a client may subscribe; messages of clients go to nobody."""
        if action is not Action.SUBSCRIBE:
            return False
        caller = await self.caller(session)
        return caller is not None and await self._delivery.allowed(caller, topic)

    async def add_subscription(self, subscription: tuple[str, int], session: Session) -> int:
        """Grant a subscription, QoS 1 at most, and begin to deliver."""
        topic, qos = subscription
        granted: int = await super().add_subscription((topic, min(qos, QOS_1)), session)
        caller = await self.caller(session)
        if granted == _FAILED or caller is None:
            return _FAILED
        try:
            await self._delivery.begin(session, caller, topic, granted)
        except QuanyuError as error:
            _log.info("mqtt.not_allowed", topic=topic[:200], why=str(error))
            return _FAILED
        return granted

    async def _handle_unsubscription(
        self, client_session: Session, handler: BrokerProtocolHandler, unsubscribe_waiter: Any
    ) -> None:
        for topic in unsubscribe_waiter.result().topics:
            await self._delivery.end(str(client_session.client_id), topic)
        await super()._handle_unsubscription(client_session, handler, unsubscribe_waiter)

    async def _broadcast_message(self, *_given: Any, **_named: Any) -> None:
        """Nothing that a client says, in a will either, reaches others."""

    async def retain_message(self, *_given: Any, **_named: Any) -> None:
        """Nothing is retained: who subscribes asks for the latest by HTTP."""
