"""What a request says of work orders: filters, drafts, moves, photos; checked, fields named."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from quanyu.kernel import Invalid, LocalText, MemberId, PartyId, ResourceId
from quanyu.operations import (
    OrderFilter,
    OrderPlace,
    Picture,
    Priority,
    Source,
    SourceKind,
    WorkOrderDraft,
    WorkOrderState,
    redraw,
)
from quanyu.operations import service_levels as levels
from quanyu.web.choices import one_of
from quanyu.web.days import start_of

FILTERS = ("state", "category", "priority", "party", "resource", "thing", "mine", "overdue",
           "since", "until")  # fmt: skip
_MOST_PHOTO = 21 << 20


def filter_from(said: Mapping[str, str], moment: datetime, zone: str) -> OrderFilter:
    """The filter in an address; raises :class:`Invalid` naming what is wrong."""
    states = [one for one in said.get("state", "").split(",") if one]
    category, priority = said.get("category", ""), said.get("priority", "")
    if category and category not in levels().categories:
        raise Invalid(
            "this filter has no such value", field="category", mend="choose among the filters shown"
        )
    return OrderFilter(
        states=frozenset(one_of(WorkOrderState, one, "state") for one in states),
        category=category,
        priority=one_of(Priority, priority, "priority") if priority else None,
        party=PartyId(said["party"]) if said.get("party") else None,
        resource=said.get("resource", ""),
        thing=said.get("thing", ""),
        mine=said.get("mine", "") in ("1", "true"),
        overdue_at=moment if said.get("overdue", "") in ("1", "true") else None,
        since=start_of(said.get("since", ""), zone, "since"),
        until=start_of(said.get("until", ""), zone, "until"),
    )


def draft_from(said: Mapping[str, Any]) -> WorkOrderDraft:
    """The draft in a form or a JSON object of texts; raises :class:`Invalid`."""
    text = {name: _text(said.get(name), name) for name in ("category", "text", "thing", "address",
            "division", "party", "member", "resource", "title_zh", "title_en")}  # fmt: skip
    title = said.get("title")
    if isinstance(title, Mapping):
        zh, en = _text(title.get("zh"), "title"), _text(title.get("en"), "title")
    else:
        zh, en = _text(title, "title") or text["title_zh"], text["title_en"]
    if not (zh.strip() or en.strip()):
        raise Invalid("this is missing", field="title", mend="say in a line what is to be done")
    source = one_of(SourceKind, str(said.get("source") or SourceKind.COLLEAGUE.value), "source")
    return WorkOrderDraft(
        category=text["category"],
        title=LocalText(zh=zh, en=en),
        source=Source(source),
        text=text["text"],
        priority=one_of(
            Priority, _text(said.get("priority"), "priority") or Priority.NORMAL.value, "priority"
        ),
        resource=ResourceId(text["resource"]) if text["resource"] else None,
        thing=text["thing"] or None,
        place=OrderPlace(
            degrees(said.get("lon"), "lon"),
            degrees(said.get("lat"), "lat"),
            text["address"],
            text["division"],
        ),
        party=PartyId(text["party"]) if text["party"] else None,
        member=MemberId(text["member"]) if text["member"] else None,
    )


def degrees(value: Any, field: str) -> float | None:
    """A number of degrees, ``None`` for none; raises :class:`Invalid`."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise Invalid("degrees are a number", field=field, mend="such as 116.391") from error


def revision_from(value: Any) -> int | None:
    """The revision that a caller saw, ``None`` when it does not say."""
    if value is None or value == "":
        return None
    text = str(value)
    if not (text.isdecimal() and len(text) < 10):
        raise Invalid("give a whole number", field="revision", mend="such as 3")
    return int(text)


async def pictures_from(form: FormData) -> tuple[Picture, ...]:
    """The photos of a form, drawn anew in a thread, one after another."""
    found = []
    for file in form.getlist("photo"):
        if isinstance(file, UploadFile) and file.filename:
            data = await file.read(_MOST_PHOTO)
            found.append(await run_in_threadpool(redraw, data))
    return tuple(found)


def _text(value: Any, field: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Invalid("a text is needed here", field=field)
    return value
