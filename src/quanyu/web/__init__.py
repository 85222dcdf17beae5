"""The doors of the house: the standards' interfaces and the portal, over one gate."""

from quanyu.web.alert_documents import (
    PLAN,
    alert_document,
    back_test_document,
    calendar_document,
    day_off_document,
    hand_over_document,
    rule_document,
)
from quanyu.web.application import create_app
from quanyu.web.following import tell_webhooks, webhooks_wanted
from quanyu.web.messages import serve_messages
from quanyu.web.node import Node
from quanyu.web.own_answer import answer_into
from quanyu.web.pages import front_end_built
from quanyu.web.process_run import runs_over
from quanyu.web.rules import seen_rules, sight_for, try_rule

__all__ = [
    "PLAN",
    "Node",
    "alert_document",
    "answer_into",
    "back_test_document",
    "calendar_document",
    "create_app",
    "day_off_document",
    "front_end_built",
    "hand_over_document",
    "rule_document",
    "runs_over",
    "seen_rules",
    "serve_messages",
    "sight_for",
    "tell_webhooks",
    "try_rule",
    "webhooks_wanted",
]
