"""Every check of a resource run now, because somebody asks: it answers with figures, no rows."""

from datetime import timedelta

from quanyu.catalogue import Resource
from quanyu.operations import Health, recheck
from quanyu.web.node import Node


def recheck_here(node: Node, of: Resource) -> Health:
    """Run them with this node's settings; who may ask was checked."""
    settings = node.settings
    return recheck(
        node.control,
        node.store,
        of,
        node.looking,
        every=timedelta(minutes=settings.probe_minutes),
        allow_private=settings.allow_private_urls,
    )
