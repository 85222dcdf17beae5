"""What states, priorities and sources of work orders are called and how they look."""

from typing import Any

from fastapi import Request

from quanyu.operations import Priority, SourceKind, WorkOrderState, service_levels
from quanyu.web.portal.visit import local, say

_S = WorkOrderState
STATES: dict[WorkOrderState, str] = {
    _S.OPEN: "To be accepted",
    _S.RETURNED: "Sent back",
    _S.ACCEPTED: "Accepted by its party",
    _S.IN_PROGRESS: "In progress",
    _S.DONE: "Done, to be checked",
    _S.CHECKED: "Checked, to be closed",
    _S.CLOSED: "Case closed",
    _S.CANCELLED: "Called off",
}
BOARD = (_S.OPEN, _S.RETURNED, _S.ACCEPTED, _S.IN_PROGRESS, _S.DONE, _S.CHECKED, _S.CLOSED)
TONES: dict[WorkOrderState, tuple[str, str]] = {
    _S.OPEN: ("shared", "wait"),
    _S.RETURNED: ("bad", "no"),
    _S.ACCEPTED: ("restricted", "person"),
    _S.IN_PROGRESS: ("restricted", "duty"),
    _S.DONE: ("ok", "yes"),
    _S.CHECKED: ("ok", "proof"),
    _S.CLOSED: ("", "yes"),
    _S.CANCELLED: ("", "no"),
}
PRIORITIES: dict[Priority, str] = {
    Priority.URGENT: "Urgent",
    Priority.HIGH: "High priority",
    Priority.NORMAL: "Normal priority",
    Priority.LOW: "Low priority",
}
PRIORITY_TONES = {
    Priority.URGENT: "bad",
    Priority.HIGH: "restricted",
    Priority.NORMAL: "",
    Priority.LOW: "",
}
ORDER_SOURCES: dict[SourceKind, str] = {
    SourceKind.ALERT: "An alert",
    SourceKind.HEALTH: "A check of a resource's health",
    SourceKind.MAINTENANCE: "Planned maintenance",
    SourceKind.CITIZEN: "A citizen",
    SourceKind.COLLEAGUE: "A colleague",
}


def order_words(request: Request) -> dict[str, Any]:
    """What templates of work orders speak with."""
    known = service_levels().categories
    return {
        "state_names": {key: say(request, text) for key, text in STATES.items()},
        "state_tones": TONES,
        "priority_names": {key: say(request, text) for key, text in PRIORITIES.items()},
        "priority_tones": PRIORITY_TONES,
        "source_names": {key: say(request, text) for key, text in ORDER_SOURCES.items()},
        "category_names": {key: local(request, one.name) for key, one in known.items()},
    }
