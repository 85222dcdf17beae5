"""A compliance check from request to record: sources through the gate, judged, kept, signed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from quanyu.agreements import Ask
from quanyu.evidence import receipt, signed_document
from quanyu.kernel import Invalid, NotFound, QuanyuError, now
from quanyu.land import (
    Asked,
    Checked,
    Declaration,
    Project,
    Record,
    Settings,
    Source,
    check_may_check,
    check_project,
    check_record,
    compatibility,
    declarations,
    inputs_of,
    keep_check,
)
from quanyu.parties import Caller
from quanyu.spacetime import View
from quanyu.web.node import Node, node_of
from quanyu.web.serve_several import read_several
from quanyu.web.serve_use import ACTIONS
from quanyu.web.whence import whence_of
from quanyu.web.who import signed_in

FACE = "land"
_MOST_NAMED = 50


@dataclass(frozen=True, slots=True)
class Means:
    """By what right and as of when sources are read: ``agreements`` names one for a dataset where
    several could be meant; ``asked`` pins the day and versions."""

    asked: Asked
    purpose: str | None = None
    agreements: Mapping[str, str] = field(default_factory=dict)


def means_of(node: Node, values: Mapping[str, Any]) -> Means:
    """The means that a request names (``day``, ``versions``, ``purpose``, ``agreements``); today in
    the node's time zone where no day is named. Raises :class:`Invalid`."""
    versions = _table(values, "versions")
    for slug, number in versions.items():
        if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 1 << 31:
            raise Invalid(
                "this is no number of a version",
                field=f"versions.{slug[:64]}",
                mend="give a whole number, such as 3",
            )
    purpose = values.get("purpose")
    day = values.get("day")
    return Means(
        Asked(_day(str(day)) if day else today(node), versions),
        str(purpose)[:200] if purpose else None,
        {slug: str(one)[:200] for slug, one in _table(values, "agreements").items()},
    )


def today(node: Node) -> date:
    """The day in the node's time zone."""
    return now().astimezone(ZoneInfo(node.settings.time_zone)).date()


async def make_check(request: Request, project: Project, means: Means) -> Record:
    """Check a project for the caller and keep the record."""
    return await _checked(request, project, means, at=None, rerun_of=None)


async def make_again(request: Request, name: str) -> Record:
    """Check again what a record holds: the same project, day, declarations and versions."""
    node, caller = node_of(request), await signed_in(request)
    record = await run_in_threadpool(_record, node, name, caller)
    project, asked = inputs_of(record)
    return await _checked(request, project, Means(asked), at=record.at, rerun_of=record.id)


async def _checked(
    request: Request, project: Project, means: Means, *, at: datetime | None, rerun_of: str | None
) -> Record:
    node, caller = node_of(request), await signed_in(request)
    check_may_check(caller)
    declared = await run_in_threadpool(_declared, node, at)
    wanted = {
        one.dataset: Ask(
            face=FACE,
            action=ACTIONS[FACE],
            purpose=means.purpose,
            agreement=means.agreements.get(one.dataset),
            version=means.asked.versions.get(one.dataset),
            whence=whence_of(request),
        )
        for one in declared
    }
    table = await run_in_threadpool(compatibility, node.settings.land_compatibility)
    settings = settings_of(node)

    def work(views: Mapping[str, View | QuanyuError]) -> Checked:
        _check_named(means, views)
        sources = [_source(one, views[one.dataset]) for one in declared]
        return check_project(project, sources, means.asked, table, settings)

    checked, uses = await read_several(request, wanted, work, _counted)

    def keep() -> Record:
        with node.control.begin() as session:
            return keep_check(session, checked, uses, caller, rerun_of=rerun_of)

    return await run_in_threadpool(keep)


def _counted(made: Checked) -> dict[str, tuple[int, int]]:
    return {slug: (rows, 0) for slug, rows in made.rows.items()}


def settings_of(node: Node) -> Settings:
    """How this node checks."""
    return Settings(node.settings.land_tolerance_m, tuple(node.settings.land_rules))


def signed_report(node: Node, record: Record) -> bytes | None:
    """The report with its receipt, as ``quanyu verify`` checks it; ``None`` while the leaf waits
    to be sequenced."""
    made = receipt(node.log, node.control, record.leaf)
    return None if made is None else signed_document(record.report, made)


def _declared(node: Node, at: datetime | None) -> list[Declaration]:
    with node.control.read() as session:
        return declarations(session, at=at)


def _record(node: Node, name: str, caller: Caller) -> Record:
    with node.control.read() as session:
        return check_record(session, name, caller)


def _source(declaration: Declaration, view: View | QuanyuError) -> Source:
    if isinstance(view, View):
        return Source(declaration, view)
    if isinstance(view, NotFound):
        # The caller may not know that there is such a dataset, so its name is not told.
        return Source(declaration, None, "land.not-given", known=False)
    rule = view.rule or ("land.which-agreement" if view.field == "agreement" else "land.not-given")
    # Which term of an agreement refused is between its sides; the report tells of the agreement.
    return Source(declaration, None, "agreement.terms" if "#" in rule else rule)


def _check_named(means: Means, views: Mapping[str, View | QuanyuError]) -> None:
    """Raise :class:`Invalid` for versions or agreements that are named of datasets which play no
    role, or which the caller may not know of: both read alike."""
    for name, named in (("versions", means.asked.versions), ("agreements", means.agreements)):
        for slug in named:
            if isinstance(views.get(slug, NotFound("")), NotFound):
                raise Invalid(
                    "no dataset of that name plays a role, or it has no such version",
                    field=f"{name}.{slug[:64]}",
                    mend="leave it out, or name another version",
                )


def _table(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = values.get(name) or {}
    if not isinstance(found, dict) or len(found) > _MOST_NAMED:
        raise Invalid("this must be an object", field=name, mend="name datasets and their values")
    return {str(key): value for key, value in found.items()}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid("this is no day", field="day", mend="write it like 2026-05-01") from error
