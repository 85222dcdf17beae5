"""What pages show of applications: rows of lists, the course drawn as steps, what would change."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from fastapi import Request
from sqlalchemy.orm import Session

from quanyu.catalogue import (
    ACCESSES,
    APPLICATION_KINDS,
    APPLICATION_STATES,
    GRADES,
    LICENCES,
    MOVES,
    SENSITIVITIES,
    SOURCES,
    THEMES,
    UPDATE_CYCLES,
    Application,
    ApplicationKind,
    ApplicationState,
    ApplicationStep,
    Move,
    Piece,
    described,
    differences,
    resource,
)
from quanyu.kernel import Calendar, MemberId, NotFound, PartyId, now, read_calendar
from quanyu.parties import Caller, member, party
from quanyu.web.node import Node
from quanyu.web.portal.visit import local, say

FIELDS: dict[str, str] = {
    "slug": "Name in addresses",
    "kind": "Kind",
    "title": "Title",
    "provider": "Provider",
    "licence": "Licence",
    "access": "Access",
    "abstract": "Abstract",
    "keywords": "Keywords",
    "themes": "Themes",
    "update_cycle": "Update cycle",
    "bbox": "Extent",
    "interval": "Time",
    "fields": "Fields",
    "formats": "Formats",
    "lineage": "Lineage",
    "provenance": "Where it is from",
    "contact": "Contact",
    "version": "Version",
    "grade": "Grade",
    "source": "Source",
    "attribution": "Attribution",
    "distributions": "Served elsewhere",
    "attributes": "Particulars",
    "example": "Example",
    "generated": "Generated",
}
_WORDS: dict[str, str] = {
    "zh": "Chinese",
    "en": "English",
    "name": "Name",
    "email": "E-mail",
    "phone": "Phone",
    "url": "Web address",
    "type": "Type",
    "unit": "Unit",
    "meaning": "Meaning",
    "sensitivity": "Sensitivity",
}
_CODES: dict[str, Mapping[Any, Any]] = {
    "access": ACCESSES,
    "grade": GRADES,
    "licence": LICENCES,
    "source": SOURCES,
    "themes": THEMES,
    "update_cycle": UPDATE_CYCLES,
    "sensitivity": SENSITIVITIES,
}
_S = ApplicationState
_COURSE: tuple[tuple[ApplicationState, Move], ...] = (
    (_S.SUBMITTED, Move.SUBMITTED),
    (_S.ACCEPTED, Move.ACCEPTED),
    (_S.REVIEWED, Move.REVIEWED),
    (_S.PUBLICISED, Move.PUBLICISED),
    (_S.REGISTERED, Move.REGISTERED),
)
LABELS: dict[ApplicationState, str] = {
    _S.SUBMITTED: "Application",
    _S.ACCEPTED: "Acceptance",
    _S.REVIEWED: "Review",
    _S.PUBLICISED: "Publicity",
    _S.REGISTERED: "Registration and code",
}
TONES: dict[ApplicationState, str] = {
    _S.DRAFT: "",
    _S.SUBMITTED: "shared",
    _S.ACCEPTED: "shared",
    _S.REVIEWED: "shared",
    _S.PUBLICISED: "restricted",
    _S.REGISTERED: "ok",
    _S.RETURNED: "restricted",
    _S.REFUSED: "bad",
    _S.RECALLED: "",
}


def calendar_of(node: Node) -> Calendar:
    """The node's working days."""
    return read_calendar(node.settings.holidays_file, node.settings.time_zone)


def row(session: Session, request: Request, node: Node, one: Application) -> dict[str, Any]:
    """One line of a list, and the JSON of it."""
    due = due_day(node, one)
    return {
        "id": one.id,
        "slug": one.slug,
        "title": local(request, one.title),
        "kind": one.kind.value,
        "kind_name": local(request, APPLICATION_KINDS[one.kind].name),
        "state": one.state.value,
        "state_name": local(request, APPLICATION_STATES[one.state].name),
        "tone": TONES[one.state],
        "provider": one.provider,
        "provider_name": local(request, party(session, one.provider).name),
        "revision": one.revision,
        "submitted_at": one.submitted_at,
        "updated_at": one.updated_at,
        "deadline": one.deadline,
        "due": due,
        "overdue": overdue(one),
        "approvals": len(one.approvals),
        "approvals_needed": one.approvals_needed,
        "assigned": one.assigned,
    }


def due_day(node: Node, one: Application) -> date | None:
    """The last day of the present deadline, as the city counts days."""
    return last_day(node, one.deadline)


def last_day(node: Node, deadline: datetime | None) -> date | None:
    """The day that a deadline ends: it is a midnight, and people count by the day."""
    return None if deadline is None else calendar_of(node).day_of(deadline - timedelta(seconds=1))


def overdue(one: Application) -> bool:
    """Whether somebody of the node should have taken the next step before now."""
    waits = one.state in {_S.SUBMITTED, _S.ACCEPTED} or one.paused_at is not None
    return waits and one.deadline is not None and one.deadline < now()


def course(
    request: Request, one: Application, steps: Sequence[ApplicationStep]
) -> list[dict[str, Any]]:
    """The five stations of an application: done with its time, now, or still to come."""
    first = max((n for n, step in enumerate(steps) if step.move is Move.SUBMITTED), default=0)
    times = {step.move: step.at for step in steps[first:]}
    # Where an application has been sent back, or ended without registration, nothing goes on.
    goes_on = one.state in {_S.DRAFT, *(state for state, _ in _COURSE)}
    stations, now_at = [], goes_on
    for state, move in _COURSE:
        at = times.get(move)
        done = at is not None and (state, one.state) != (_S.PUBLICISED, _S.PUBLICISED)
        here = not done and now_at
        now_at = now_at and not here
        name = say(request, LABELS[state])
        word = "done" if done else "now" if here else "todo"
        stations.append({"name": name, "at": at, "state": word})
    return stations


def history_of(
    session: Session, request: Request, caller: Caller, steps: Iterable[ApplicationStep]
) -> list[dict[str, Any]]:
    """What happened, with who did it as far as the caller may know."""
    return [
        {
            "move": step.move.value,
            "what": local(request, MOVES[step.move].name),
            "at": step.at,
            "by": by_whom(session, request, caller, step.party, step.member),
            "reason": step.reason,
            "comments": {field_name(request, name): text for name, text in step.comments.items()},
            "checklist": step.checklist,
            "late": step.late,
            "leaf": step.leaf,
        }
        for step in steps
    ]


def by_whom(
    session: Session,
    request: Request,
    caller: Caller,
    of: PartyId | None,
    who: MemberId | None,
) -> str:
    """A party's name; with the member's for people of the same party and of the node."""
    if of is None:
        return say(request, "the node itself")
    name = local(request, party(session, of).name)
    if who is None or not (caller.runs_node or caller.party == of):
        return name
    return f"{name} · {member_name(session, who)}"


def member_name(session: Session, who: MemberId) -> str:
    """A member's name; nothing for one who is not there any more."""
    try:
        return member(session, who).name
    except NotFound:
        return "—"


def changes(request: Request, one: Application) -> list[dict[str, Any]]:
    """What the application would change, the words that differ as pieces."""
    return [
        {
            "field": item.field,
            "path": item.path,
            "name": named(request, item.field, item.path),
            "old": value(request, item.field, item.path, item.old),
            "new": value(request, item.field, item.path, item.new),
            "pieces": None if _coded(item.field, item.path) else _pieces(item.pieces),
        }
        for item in differences(one.base, one.proposed)
    ]


def description(
    session: Session, request: Request, caller: Caller, one: Application
) -> list[dict[str, Any]]:
    """Everything that is proposed, where there was nothing before."""
    return [
        {
            "field": field,
            "path": path,
            "name": named(request, field, path),
            "new": _sources(session, request, caller, text)
            if field == "lineage"
            else value(request, field, path, text),
        }
        for field, path, text in described(one.proposed)
        if field not in {"slug", "kind", "provider", "version", "example", "generated"}
        and not (field == "attributes" and path == "$schema")
    ]


def in_lines(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A description with one line for each field of the data, what is said of it side by side."""
    lines: list[dict[str, Any]] = []
    for item in items:
        part = item["path"].split(".")[0] if item["field"] == "fields" else item["path"]
        if lines and item["field"] == "fields" and lines[-1]["path"] == part:
            lines[-1]["new"] += f" · {item['new']}"
        else:
            head = (
                " · ".join(item["name"].split(" · ")[:2]) if part != item["path"] else item["name"]
            )
            lines.append(item | {"path": part, "name": head})
    return lines


def _sources(session: Session, request: Request, caller: Caller, text: str) -> str:
    """Titles of the resources that something was made of, as far as the caller may know them."""
    names = []
    for one in text.split(", "):
        try:
            names.append(local(request, resource(session, one, visible_to=caller).title))
        except NotFound:
            names.append(one)
    return ", ".join(names)


def whole(one: Application) -> bool:
    """Whether a page shows all that is proposed rather than what differs."""
    return one.kind in {ApplicationKind.FIRST, ApplicationKind.CANCELLATION}


def field_name(request: Request, field: str) -> str:
    """A field of the description in words; what it is called where there are none."""
    return named(request, *(field.split(".", 1) if "." in field else (field, "")))


def named(request: Request, field: str, path: str) -> str:
    """A field and what in it, in words."""
    head = say(request, FIELDS[field]) if field in FIELDS else field
    parts = [part for part in path.split(".") if part]
    own = parts[:1] if field in {"fields", "distributions"} else []
    said = [say(request, _WORDS[part]) if part in _WORDS else part for part in parts[len(own) :]]
    return " · ".join([head, *own, *said])


def value(request: Request, field: str, path: str, text: str) -> str:
    """A value with codes put into words."""
    table = _table(field, path)
    if table is None or not text:
        return text
    names = (table.get(key) for key in text.split(", "))
    shown = [local(request, code.name) if code else text for code in names]
    return ", ".join(dict.fromkeys(shown))


def _table(field: str, path: str) -> Mapping[str, Any] | None:
    table = _CODES.get(path.rpartition(".")[2] if field == "fields" else field)
    return None if table is None else {str(key): code for key, code in table.items()}


def _coded(field: str, path: str) -> bool:
    return _table(field, path) is not None


def _pieces(pieces: tuple[Piece, ...]) -> list[dict[str, str]]:
    return [{"kind": piece.kind, "text": piece.text} for piece in pieces]
