"""Observations by message brokers: MQTT (embedded, or one that stands outside) and NATS."""

from quanyu.web.messages.serving import serve_messages

__all__ = ["serve_messages"]
