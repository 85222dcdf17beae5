"""The paths of work orders, allocation, assets, and of following a stream."""

from typing import Any

from quanyu.operations import (
    AllocationMove,
    AllocationState,
    AssetState,
    EntryKind,
    FiguresBy,
    OrderMove,
    Priority,
    asset_templates,
)
from quanyu.web.openapi_components import parameter
from quanyu.web.openapi_parts import Path, operation
from quanyu.web.work_order_parameters import FILTERS

Line = tuple[str, str, str, str, tuple[dict[str, Any], ...], dict[str, Any] | None]
_TEXT: dict[str, Any] = {"type": "string"}
_DAY: dict[str, Any] = {"type": "string", "format": "date"}
_INSTANT: dict[str, Any] = {"type": "string", "format": "date-time"}
_WHOLE: dict[str, Any] = {"type": "integer", "minimum": 0}
_FLAG: dict[str, Any] = {"type": "boolean"}
_BOTH: dict[str, Any] = {
    "type": "object",
    "required": ["zh", "en"],
    "properties": {"zh": _TEXT, "en": _TEXT},
}
_PAGE = (
    parameter("limit", {"type": "integer", "minimum": 1}, "How many at most."),
    parameter("after", _TEXT, "From the answer before."),
)
_NAMES = ("resource", "name", "plan", "photo", "slug", "identifier")


def _one(values: Any) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}


def _body(needed: str, **members: dict[str, Any]) -> dict[str, Any]:
    """A JSON object; ``needed`` are names of members that must be there."""
    found = {"type": "object", "additionalProperties": False, "properties": members}
    return found | ({"required": needed.split()} if needed else {})


_PLACE = {"lon": {"type": "number"}, "lat": {"type": "number"}, "address": _TEXT, "division": _TEXT}
_ORDERS = "/api/work-orders"
_ORDER_LINES: tuple[Line, ...] = (
    ("get", _ORDERS, "work_orders", "Work orders that you may know of",
     (*(parameter(name, _TEXT) for name in sorted(FILTERS)), *_PAGE), None),
    ("post", _ORDERS, "work_order_open", "Open a work order", (),
     _body("category title", category=_TEXT, title=_BOTH, text=_TEXT, priority=_one(Priority),
           resource=_TEXT, thing=_TEXT, source=_TEXT, correction=_TEXT, party=_TEXT, member=_TEXT,
           **_PLACE)),
    ("get", f"{_ORDERS}/categories", "work_order_categories",
     "Categories and their service levels", (), None),
    ("get", f"{_ORDERS}/figures", "work_order_figures",
     "On-time rate, repeat rate and times, of all, by party or by category",
     (*(parameter(name, _TEXT) for name in sorted(FILTERS)), parameter("by", _one(FiguresBy))),
     None),
    ("get", f"{_ORDERS}/events", "work_order_events", "One event whenever orders move", (),
     None),
    ("get", f"{_ORDERS}/{{name}}", "work_order", "A work order, its course and photos", (), None),
    ("post", f"{_ORDERS}/{{name}}/moves", "work_order_move", "Move a work order one step", (),
     _body("move", move=_one([*OrderMove, "appoint"]), revision=_WHOLE, note=_TEXT, party=_TEXT,
           member=_TEXT)),
    ("post", f"{_ORDERS}/{{name}}/photos", "work_order_photo", "Add a photo", (), None),
    ("get", "/work-orders/{name}/photos/{photo}", "work_order_photo_bytes", "A photo as JPEG", (),
     None),
    ("get", "/work-orders.csv", "work_orders_csv", "Work orders as CSV",
     (*(parameter(name, _TEXT) for name in sorted(FILTERS)), parameter("lang", _TEXT)), None),
)  # fmt: skip
_CAPACITY = {
    "name": _BOTH, "unit": _BOTH, "hours": {"type": "object", "additionalProperties": _TEXT},
    "amount": _WHOLE, "slot_minutes": _WHOLE, "automatic": _FLAG, "hold_minutes": _WHOLE,
    "ahead_days": _WHOLE, "most_slots": _WHOLE, "quota": _WHOLE, "working_days": _FLAG,
    "closed": {"type": "array", "items": _DAY},
}  # fmt: skip
_ALLOCATION_LINES: tuple[Line, ...] = (
    ("get", "/api/capacities", "capacities", "What can be asked for",
     (parameter("resource", _TEXT),), None),
    ("post", "/api/resources/{resource}/capacities", "capacity_offer", "Offer capacity", (),
     _body("name unit hours", **_CAPACITY)),
    ("get", "/api/capacities/{name}", "capacity", "A capacity", (), None),
    ("put", "/api/capacities/{name}", "capacity_change", "Change what is offered, or end it", (),
     _body("name unit hours", **_CAPACITY, open=_FLAG, revision=_WHOLE)),
    ("get", "/api/capacities/{name}/slots", "capacity_slots", "Slots and how much is free",
     (parameter("since", _INSTANT), parameter("until", _INSTANT)), None),
    ("post", "/api/capacities/{name}/allocations", "allocation_request", "Ask for slots", (),
     _body("since until", since=_INSTANT, until=_INSTANT, amount=_WHOLE, purpose=_TEXT,
           wait=_FLAG)),
    ("get", "/api/allocations", "allocations", "What your party has, or keeps for others",
     (parameter("capacity", _TEXT), parameter("mine", _TEXT),
      parameter("state", _TEXT, f"Of these, by commas: {', '.join(AllocationState)}."), *_PAGE),
     None),
    ("get", "/api/allocations/{name}", "allocation", "An allocation", (), None),
    ("post", "/api/allocations/{name}/moves", "allocation_move", "Move an allocation one step", (),
     _body("move", move=_one(AllocationMove), note=_TEXT, revision=_WHOLE)),
    ("get", "/allocations.ics", "allocations_calendar", "What your party has, as iCalendar", (),
     None),
)  # fmt: skip
_ASSETS = "/api/resources/{resource}/assets"
_ASSET = {
    "name": _BOTH, "template": _one(asset_templates()), "parent": _TEXT, "state": _one(AssetState),
    **_PLACE, "since": _DAY, "party": _TEXT, "attributes": {"type": "object"},
}  # fmt: skip
_ASSET_LINES: tuple[Line, ...] = (
    ("get", "/api/asset-templates", "asset_templates", "Kinds of assets and their attributes", (),
     None),
    ("put", "/api/resources/{resource}/asset-readers", "asset_readers",
     "Say which other parties read an inventory", (),
     _body("readers", readers={"type": "array", "items": _TEXT})),
    ("get", _ASSETS, "assets", "The inventory of a resource, in the order of its tree",
     (parameter("below", _TEXT), parameter("parent", _TEXT), parameter("q", _TEXT),
      parameter("template", _one(asset_templates())), parameter("state", _one(AssetState)),
      parameter("tops", _TEXT), *_PAGE), None),
    ("post", _ASSETS, "asset_register", "Register an asset", (),
     _body("id name template", id=_TEXT, **_ASSET)),
    ("post", f"{_ASSETS}/import", "assets_import", "Import a CSV or GeoJSON file, all or nothing",
     (parameter("template", _one(asset_templates())),), None),
    ("get", f"{_ASSETS}/{{name}}", "asset", "An asset, its plans, entries and sums", (), None),
    ("put", f"{_ASSETS}/{{name}}", "asset_change", "Say anew what is said of an asset", (),
     _body("name template", id=_TEXT, **_ASSET, revision=_WHOLE)),
    ("put", f"{_ASSETS}/{{name}}/hours", "asset_hours", "Say how many hours it has run", (),
     _body("hours", hours=_WHOLE)),
    ("post", f"{_ASSETS}/{{name}}/plans", "asset_plan", "Plan maintenance", (),
     _body("title", title=_TEXT, category=_TEXT, every_days=_WHOLE, every_hours=_WHOLE,
           first=_DAY)),
    ("delete", f"{_ASSETS}/{{name}}/plans/{{plan}}", "asset_plan_end", "End a plan", (), None),
    ("post", f"{_ASSETS}/{{name}}/entries", "asset_entry", "Enter energy, water or money", (),
     _body("kind since until amount", kind=_one(EntryKind), since=_DAY, until=_DAY,
           amount={"type": "integer", "description": "Wh, L or 分."}, note=_TEXT)),
)  # fmt: skip
_STREAM = "/sensorthings/{slug}"
_UNDER = (parameter("agreement", _TEXT), parameter("purpose", _TEXT))
_FOLLOW_LINES: tuple[Line, ...] = (
    ("get", f"{_STREAM}/events", "stream_events", "New observations as they come",
     (parameter("datastream", _TEXT), parameter("after", _WHOLE, "Number to begin after."),
      *_UNDER), None),
    ("get", f"{_STREAM}/subscriptions", "stream_subscriptions", "Webhooks of your party", (), None),
    ("post", f"{_STREAM}/subscriptions", "stream_subscribe",
     "Add a webhook; the answer alone has its secret", (),
     _body("url", url={"type": "string", "format": "uri"}, datastream=_TEXT, after=_WHOLE,
           agreement=_TEXT, purpose=_TEXT)),
    ("delete", f"{_STREAM}/subscriptions/{{identifier}}", "stream_unsubscribe", "Remove a webhook",
     (), None),
    ("post", f"{_STREAM}/subscriptions/{{identifier}}/pause", "stream_pause",
     "Tell nothing until it goes on", (), None),
    ("post", f"{_STREAM}/subscriptions/{{identifier}}/resume", "stream_resume",
     "Go on after the last number that was heard", (), None),
)  # fmt: skip
_MADE = {
    "work_order_open", "capacity_offer", "allocation_request", "asset_register", "asset_plan",
    "asset_entry", "work_order_photo", "stream_subscribe",
}  # fmt: skip
_BYTES = {
    "work_order_photo_bytes": ("image/jpeg",),
    "work_orders_csv": ("text/csv",),
    "allocations_calendar": ("text/calendar",),
    "stream_events": ("text/event-stream",),
}
_FILES = {
    "work_order_photo": ("image/jpeg", "image/png", "image/webp"),
    "assets_import": ("text/csv", "application/geo+json"),
}
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


def operation_paths() -> dict[str, Any]:
    """The paths object of these."""
    found: dict[str, Any] = {}
    for tag, lines in (
        ("Work orders", _ORDER_LINES),
        ("Allocation", _ALLOCATION_LINES),
        ("Assets", _ASSET_LINES),
        ("SensorThings", _FOLLOW_LINES),
    ):
        for line in lines:
            found.setdefault(line[1], {})[line[0]] = _operation(tag, line)
    return found


def _operation(tag: str, line: Line) -> dict[str, Any]:
    method, path, name, summary, more, body = line
    of_path = [parameter(one, _TEXT, "", "path") for one in _NAMES if f"{{{one}}}" in path]
    one = operation(Path("", name, summary, tag), (*of_path, *more))
    answers = one["responses"]
    if name in _MADE:
        answers["201"] = answers.pop("200")
    if method == "delete":
        answers["204"] = {"description": answers.pop("200")["description"]}
    if method != "get":
        answers["409"] = {"$ref": "#/components/responses/Problem"}
    if name in _BYTES:
        answers["200"]["content"] = dict.fromkeys(_BYTES[name], _BINARY)
    if body is not None:
        content = {"application/json": {"schema": body}}
        one["requestBody"] = {"required": True, "content": content}
    elif name in _FILES:
        one["requestBody"] = {"required": True, "content": dict.fromkeys(_FILES[name], _BINARY)}
    return one
