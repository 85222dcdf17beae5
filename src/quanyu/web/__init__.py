"""The doors of the house: the standards' interfaces and the portal, over one gate."""

from quanyu.web.application import create_app
from quanyu.web.following import tell_webhooks
from quanyu.web.messages import serve_messages
from quanyu.web.node import Node
from quanyu.web.own_answer import answer_into
from quanyu.web.pages import front_end_built
from quanyu.web.process_run import runs_over

__all__ = [
    "Node",
    "answer_into",
    "create_app",
    "front_end_built",
    "runs_over",
    "serve_messages",
    "tell_webhooks",
]
