"""New observations as they come: server-sent events and webhooks, each telling through the gate."""

from quanyu.web.following.routes import routes
from quanyu.web.following.webhooks import tell_webhooks, webhooks_wanted

__all__ = ["routes", "tell_webhooks", "webhooks_wanted"]
