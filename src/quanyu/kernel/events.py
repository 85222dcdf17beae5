"""Typed events: calls go down the floors, events go up, wired in ``app.py``."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

Event = TypeVar("Event")


class Events:
    """Who wants to hear of what. Handlers run in the publisher's thread, after its commit."""

    def __init__(self) -> None:
        self._handlers: dict[type[Any], list[Callable[[Any], None]]] = defaultdict(list)

    def subscribe(self, kind: type[Event], handler: Callable[[Event], None]) -> None:
        """Call ``handler`` for each later event of exactly this ``kind``."""
        self._handlers[kind].append(handler)

    def dispatch(self, event: object) -> None:
        """Call every handler of the event's type, in the order they subscribed."""
        for handler in self._handlers[type(event)]:
            handler(event)
