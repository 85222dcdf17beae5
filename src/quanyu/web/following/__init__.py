"""New observations as they come: server-sent events and webhooks, each telling through the gate."""

from quanyu.web.following.routes import routes, subscription_document
from quanyu.web.following.subscribing import begin_webhook, change_webhook
from quanyu.web.following.webhooks import tell_webhooks, webhooks_wanted

__all__ = [
    "begin_webhook",
    "change_webhook",
    "routes",
    "subscription_document",
    "tell_webhooks",
    "webhooks_wanted",
]
