"""Harvesting for those who look after it: sources, their runs, differences, conflicts."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import orjson
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import (
    ACCESSES,
    BY_AGREEMENT,
    LICENCES,
    OPEN_RUNS,
    HarvestRun,
    HarvestSource,
    OnMissing,
    RecordOutcome,
    RunState,
    SourceKind,
    SourceSettings,
    Trust,
    add_source,
    begin_run,
    cancel_run,
    change_source,
    confirm_missing,
    harvest_conflicts,
    harvest_run,
    harvest_runs,
    harvest_source,
    publish_harvested,
    records_held,
    resolve_conflict,
    resource,
    run_items,
    source_settings,
    sources_of_harvest,
)
from quanyu.kernel import Invalid, LocalText, NotFound, PartyId, QuanyuError, Refused, now
from quanyu.parties import Caller, Role, Scope, parties, party
from quanyu.web.node import Node
from quanyu.web.portal.harvest_words import (
    FILTERS,
    KINDS,
    ON_MISSING,
    OUTCOMES,
    RUN_STATES,
    TRUSTS,
    bars,
    difference,
    explained,
)
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    filter_of,
    go,
    link_to,
    reading,
    say,
    show,
    writing,
)
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_ITEMS = 50


@router.get("/harvest")
async def source_list(request: Request, node: TheNode, caller: Member) -> Response:
    """Every source that the caller may see, with its last run."""
    _may_look(caller)

    def read(session: Session) -> dict[str, Any]:
        found = sources_of_harvest(session, caller)
        return {
            "sources": found,
            "held": {one.id: records_held(session, one.id) for one in found},
            "names": {one.provider: party(session, one.provider).name for one in found},
        }

    known = await reading(node, read)
    context = known | _words(request) | {"may_add": _may_write(caller), "at": now()}
    told = [_source_said(one) for one in known["sources"]]
    twin = {"sources": told, "entries": known["held"], "at": context["at"]}
    return show(request, "harvest.html", context, twin=twin)


@router.get("/harvest/new")
async def new_source(request: Request, node: TheNode, caller: Member) -> Response:
    """The form of a source."""
    _may_look(caller)
    return await _form(request, node, caller, _BLANK)


@router.post("/harvest/new")
async def make_source(request: Request, node: TheNode, caller: Member) -> Response:
    """Put a source down; its first run is due at once."""
    await check_csrf_of(request)
    said = {
        **_BLANK,
        **{name: str(value).strip() for name, value in (await request.form()).items()},
    }

    def write(session: Session) -> HarvestSource:
        return add_source(
            session,
            caller,
            name=_name(said),
            kind=_kind(said["kind"]),
            url=said["url"],
            provider=PartyId(said["provider"] or caller.party or ""),
            settings=_settings(said),
            every_minutes=_minutes(said["every_minutes"]),
        )

    try:
        made = await writing(node, write)
    except QuanyuError as error:
        return await _form(request, node, caller, said, error=error)
    return go(f"/harvest/{made.id}")


@router.get("/harvest/runs/{run_id}")
async def run_page(request: Request, node: TheNode, caller: Member, run_id: str) -> Response:
    """What a run did, record by record."""
    return await _run_page(request, node, caller, run_id)


@router.post("/harvest/runs/{run_id}")
async def change_run(request: Request, node: TheNode, caller: Member, run_id: str) -> Response:
    """Stop it, or say what is to become of what is gone."""
    await check_csrf_of(request)
    act = str((await request.form()).get("act", ""))

    def write(session: Session) -> object:
        if act == "cancel":
            return cancel_run(session, run_id, caller)
        if act == "publish":
            return publish_harvested(session, run_id, caller)
        if act in {"take-away", "leave"}:
            return confirm_missing(session, run_id, caller, take_away=act == "take-away")
        raise Invalid("choose what to do", field="act")

    try:
        await writing(node, write)
    except QuanyuError as error:
        return await _run_page(request, node, caller, run_id, error=error)
    return go(f"/harvest/runs/{run_id}")


@router.get("/harvest/{source_id}")
async def source_page(request: Request, node: TheNode, caller: Member, source_id: str) -> Response:
    """A source: its runs drawn, what waits for a choice, its settings."""
    return await _source_page(request, node, caller, source_id)


@router.post("/harvest/{source_id}")
async def change_source_page(
    request: Request, node: TheNode, caller: Member, source_id: str
) -> Response:
    """Run it now, pause it, change it, or choose a side of a conflict."""
    await check_csrf_of(request)
    said = {name: str(value).strip() for name, value in (await request.form()).items()}
    act = said.get("act", "")

    def write(session: Session) -> str:
        if act == "run":
            return f"/harvest/runs/{begin_run(session, source_id, caller).id}"
        if act in {"ours", "theirs"}:
            resolve_conflict(
                session,
                _number(said.get("record", ""), "record"),
                said.get("field", ""),
                caller,
                theirs=act == "theirs",
            )
            return f"/harvest/{source_id}#conflicts"
        _change(session, source_id, caller, act, said)
        return f"/harvest/{source_id}"

    try:
        there = await writing(node, write)
    except QuanyuError as error:
        draft = said if act == "save" else None
        return await _source_page(request, node, caller, source_id, draft=draft, error=error)
    return go(there)


def _change(
    session: Session, source_id: str, caller: Caller, act: str, said: Mapping[str, str]
) -> None:
    revision = _number(said.get("revision", ""), "revision")
    if act in {"pause", "resume"}:
        change_source(session, source_id, caller, revision=revision, active=act == "resume")
    elif act == "save":
        change_source(
            session,
            source_id,
            caller,
            revision=revision,
            name=_name(said),
            url=said.get("url", ""),
            settings=_settings(said),
            every_minutes=_minutes(said.get("every_minutes", "")),
        )
    else:
        raise Invalid("choose what to do", field="act")


async def _source_page(
    request: Request,
    node: Node,
    caller: Caller,
    source_id: str,
    *,
    draft: Mapping[str, str] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    def read(session: Session) -> dict[str, Any]:
        source = harvest_source(session, source_id, caller)
        return {
            "source": source,
            "provider": party(session, source.provider),
            "runs": harvest_runs(session, source_id, 20),
            "conflicts": harvest_conflicts(session, source_id),
            "entries": records_held(session, source_id),
            "parties": parties(session) if caller.runs_node else [],
        }

    known = await reading(node, read)
    source: HarvestSource = known["source"]
    context = (
        known
        | _words(request)
        | {
            "drawn": {run.id: bars(run) for run in known["runs"]},
            "draft": _typed(source) | dict(draft or {}),
            "differences": [
                (one, difference(request, one.field, one.ours, one.theirs))
                for one in known["conflicts"]
            ],
            "may_write": _may_write(caller),
            "running": any(run.state in OPEN_RUNS for run in known["runs"]),
        }
    )
    twin = {
        "source": _source_said(source),
        "runs": [_run_said(run) for run in known["runs"]],
        "conflicts": known["conflicts"],
        "entries": known["entries"],
    }
    return show(request, "harvest_source.html", context, twin=None if error else twin, error=error)


async def _run_page(
    request: Request,
    node: Node,
    caller: Caller,
    run_id: str,
    *,
    error: QuanyuError | None = None,
) -> Response:
    outcome = filter_of(request, "outcome", set(RecordOutcome))
    outcomes = (RecordOutcome(outcome),) if outcome else ()
    after = _number(request.query_params.get("after", "0"), "after")

    def read(session: Session) -> dict[str, Any]:
        run = harvest_run(session, run_id)
        source = harvest_source(session, run.source, caller)
        items = run_items(session, run_id, outcomes=outcomes, limit=_ITEMS + 1, after=after)
        return {"run": run, "source": source, "items": items, "slugs": _slugs(session, items)}

    known = await reading(node, read)
    run, items = known["run"], known["items"][:_ITEMS]
    more = len(known["items"]) > _ITEMS
    context = (
        known
        | _words(request)
        | {
            "items": items,
            "bar": bars(run),
            "said": explained(request, run.problem) if run.problem else None,
            "warnings": [explained(request, one) for one in run.warnings],
            "reasons": {one.number: explained(request, one.reason) for one in items if one.reason},
            "differences": {
                one.number: [
                    difference(request, field, said.get("old"), said.get("new"))
                    for field, said in one.differences.items()
                ]
                for one in items
            },
            "filters": _filters(request, run.counts, outcomes),
            "next_href": link_to(request, after=str(items[-1].number)) if more else "",
            "going": run.state in OPEN_RUNS,
            "held": run.state is RunState.HELD,
            "may_write": _may_write(caller),
            "may_publish": caller.runs_node
            and _may_write(caller)
            and known["source"].settings.trust is Trust.REVIEW
            and run.counts.get(RecordOutcome.ADDED, 0) > 0,
        }
    )
    twin = {"run": _run_said(run), "items": items, "next": context["next_href"] or None}
    return show(request, "harvest_run.html", context, twin=None if error else twin, error=error)


async def _form(
    request: Request,
    node: Node,
    caller: Caller,
    draft: Mapping[str, str],
    *,
    error: QuanyuError | None = None,
) -> Response:
    def read(session: Session) -> list[Any]:
        return parties(session) if caller.runs_node else []

    context = _words(request) | {
        "parties": await reading(node, read),
        "draft": draft,
    }
    return show(request, "harvest_new.html", context, error=error)


def _run_said(run: HarvestRun) -> dict[str, Any]:
    """A run for the JSON twin, whose keys are plain texts."""
    return {**asdict(run), "counts": {one.value: count for one, count in run.counts.items()}}


def _source_said(source: HarvestSource) -> dict[str, Any]:
    last = _run_said(source.last_run) if source.last_run else None
    return {**asdict(replace(source, last_run=None)), "last_run": last}


def _words(request: Request) -> dict[str, Any]:
    """The tables of words that every page of harvesting speaks."""

    def said(table: Mapping[Any, str]) -> dict[Any, str]:
        return {key: say(request, text) for key, text in table.items()}

    return {
        "kinds": said(KINDS),
        "run_states": said(RUN_STATES),
        "outcomes": said(OUTCOMES),
        "trusts": said(TRUSTS),
        "missing_ways": said(ON_MISSING),
        "licences": LICENCES,
        "accesses": ACCESSES,
    }


def _filters(
    request: Request, counts: Mapping[RecordOutcome, int], chosen: tuple[RecordOutcome, ...]
) -> list[dict[str, Any]]:
    told = {outcome: counts[outcome] for outcome in FILTERS if counts.get(outcome)}
    if not told:
        return []
    everything = {
        "name": say(request, "All"),
        "count": sum(told.values()),
        "href": link_to(request, outcome=None, after=None),
        "on": not chosen,
    }
    return [
        everything,
        *(
            {
                "name": say(request, OUTCOMES[outcome]),
                "count": count,
                "href": link_to(request, outcome=outcome.value, after=None),
                "on": chosen == (outcome,),
            }
            for outcome, count in told.items()
        ),
    ]


def _slugs(session: Session, items: list[Any]) -> dict[str, str]:
    found = {}
    for one in items:
        if one.resource:
            try:
                found[one.resource] = resource(session, one.resource).slug
            except NotFound:
                continue
    return found


_BLANK = {
    "name_zh": "", "name_en": "", "kind": "dcat", "url": "", "provider": "",
    "every_minutes": "1440", "filter": "", "licence": BY_AGREEMENT, "access": "restricted",
    "on_missing": "mark", "missing_runs": "3", "trust": "review", "page_size": "100",
    "themes": "", "publishers": "",
}  # fmt: skip


def _typed(source: HarvestSource) -> dict[str, str]:
    """A source as its form shows it."""
    said = source.settings
    return {
        "name_zh": source.name.zh,
        "name_en": source.name.en,
        "kind": source.kind.value,
        "url": source.url,
        "provider": source.provider,
        "every_minutes": str(source.every_minutes),
        "filter": said.filter,
        "licence": said.licence,
        "access": said.access.value,
        "on_missing": said.on_missing.value,
        "missing_runs": str(said.missing_runs),
        "trust": said.trust.value,
        "page_size": str(said.page_size),
        "themes": _lines(said.themes),
        "publishers": _lines(said.publishers),
    }


def _settings(said: Mapping[str, str]) -> SourceSettings:
    return source_settings(
        {
            "filter": said.get("filter", ""),
            "licence": said.get("licence") or BY_AGREEMENT,
            "access": said.get("access") or "restricted",
            "on_missing": said.get("on_missing") or OnMissing.MARK.value,
            "missing_runs": said.get("missing_runs") or 3,
            "trust": said.get("trust") or Trust.REVIEW.value,
            "page_size": said.get("page_size") or 100,
            "themes": _pairs(said.get("themes", ""), "settings.themes"),
            "publishers": _pairs(said.get("publishers", ""), "settings.publishers"),
        }
    )


def _lines(pairs: Mapping[str, str]) -> str:
    return "\n".join(f"{word} = {meaning}" for word, meaning in pairs.items())


def _pairs(text: str, field: str) -> dict[str, str]:
    """Lines of ``word = meaning``; JSON is taken too."""
    if text.lstrip().startswith("{"):
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise Invalid("this is no JSON: {why}", field=field, why=str(error)) from error
        return {str(word): str(meaning) for word, meaning in found.items()}
    pairs = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        word, found, meaning = line.partition("=")
        if not found:
            raise Invalid("write each line as: word = meaning", field=field, mend="add the “=”")
        pairs[word.strip()] = meaning.strip()
    return pairs


def _name(said: Mapping[str, str]) -> LocalText:
    zh, en = said.get("name_zh", ""), said.get("name_en", "")
    if not (zh or en):
        raise Invalid("a name is needed", field="name", mend="give one in Chinese or English")
    return LocalText(zh=zh, en=en)


def _kind(said: str) -> SourceKind:
    try:
        return SourceKind(said)
    except ValueError as error:
        raise Invalid("choose what interface the source speaks", field="kind") from error


def _minutes(said: str) -> int:
    return _number(said or "0", "every_minutes")


def _number(said: str, field: str) -> int:
    if not (said.isascii() and said.isdecimal() and len(said) <= 15):
        raise Invalid("this is no whole number", field=field, mend="write digits only")
    return int(said)


def _may_write(caller: Caller) -> bool:
    roles = {Role.STEWARD, Role.OPERATOR} if caller.runs_node else {Role.STEWARD, Role.SUPPLIER}
    return any(caller.may(role, Scope.WRITE) for role in roles)


def _may_look(caller: Caller) -> None:
    """Sources are looked after by the node, and by suppliers for their own party."""
    if not _may_write(caller):
        raise Refused(
            "harvesting is for stewards and operators of the node, and suppliers of a party",
            rule="catalogue.harvest",
            mend="ask a steward for the role",
        )
