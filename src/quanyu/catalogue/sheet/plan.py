"""What taking a sheet would change, and taking it: all or the good rows, in one transaction."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from quanyu.catalogue.codes import State
from quanyu.catalogue.entries import amend, resource, save_draft
from quanyu.catalogue.identifier import identifier_valid
from quanyu.catalogue.model import Resource, ResourceDraft
from quanyu.catalogue.rights import check_review, check_writes
from quanyu.catalogue.rows import changed_fields, draft_of
from quanyu.catalogue.sheet.columns import COLUMNS, Column
from quanyu.catalogue.sheet.entries import (
    Fault,
    Parsed,
    Reject,
    as_reject,
    draft_from,
    grouped,
    missing,
    slug_of,
    unknown_provider,
)
from quanyu.catalogue.sheet.read import SheetRow
from quanyu.catalogue.validate import check_draft
from quanyu.kernel import Invalid, LocalText, NotFound, PartyId, QuanyuError
from quanyu.parties import Caller, Party, parties


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a sheet may leave unsaid: the licence of open data, the provider of its rows."""

    licence: str = "CC-BY-4.0"
    provider: PartyId | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """One entry: new, changed (with the fields that differ), or the same as it stands."""

    rows: tuple[int, ...]
    what: Literal["new", "changed", "same"]
    title: LocalText
    slug: str
    changed: tuple[str, ...]
    draft: ResourceDraft
    known: Resource | None


@dataclass(frozen=True, slots=True)
class SheetPlan:
    """What would happen, and what was refused."""

    entries: tuple[Planned, ...]
    rejects: tuple[Reject, ...]

    def count(self, what: str) -> int:
        """How many entries of that sort."""
        return sum(one.what == what for one in self.entries)


def plan_sheet(
    session: Session, rows: list[SheetRow], caller: Caller, defaults: Defaults
) -> SheetPlan:
    """Look at every resource of the sheet and write nothing."""
    found: list[Planned] = []
    rejects: list[Reject] = []
    known = _Parties(session)
    seen: dict[str, int] = {}
    for parsed in grouped(rows):
        first = parsed.rows[0]
        try:
            planned = _planned(session, parsed, caller, defaults, known)
        except Fault as fault:
            name = COLUMNS[fault.column].name.zh
            rejects.append(Reject(first, name, fault.detail, fault.mend, fault.params))
            continue
        except QuanyuError as error:
            rejects.append(as_reject(error, first))
            continue
        if planned.slug in seen:
            rejects.append(
                Reject(
                    first,
                    COLUMNS[Column.CODE].name.zh,
                    detail="this resource stands in row {other} already",
                    mend="put the rows of a resource together",
                    params={"other": seen[planned.slug]},
                )
            )
            continue
        seen[planned.slug] = first
        found.append(planned)
    return SheetPlan(tuple(found), tuple(rejects))


def take_sheet(
    session: Session,
    rows: list[SheetRow],
    caller: Caller,
    defaults: Defaults,
    *,
    good_ones: bool = False,
    area: str = "000000",
) -> SheetPlan:
    """Do what :func:`plan_sheet` says: new entries become drafts, others are amended.

    Raises :class:`Invalid` when a row is refused and not only the ``good_ones`` are wanted. Run it
    in one transaction: whatever is raised, nothing is kept.
    """
    plan = plan_sheet(session, rows, caller, defaults)
    if plan.rejects and not good_ones:
        raise Invalid(
            "{count} resources of the sheet were refused; nothing was taken",
            field="file",
            mend="mend them, or take the good ones only",
            count=len(plan.rejects),
        )
    for one in plan.entries:
        if one.known is None:
            save_draft(session, one.draft, caller, area=area)
        elif one.what == "changed":
            amend(session, one.known.id, one.draft, caller, revision=one.known.revision)
    return plan


def _planned(
    session: Session, parsed: Parsed, caller: Caller, defaults: Defaults, known: "_Parties"
) -> Planned:
    missing(parsed)
    there = _there(session, parsed, caller)
    provider = known.find(parsed, defaults) if there is None else there.provider
    check_writes(caller, provider)
    draft = check_draft(draft_from(parsed, provider, there, defaults.licence))
    if there is None:
        _check_free(session, draft.slug)
        return Planned(parsed.rows, "new", draft.title, draft.slug, (), draft, None)
    changed = changed_fields(draft_of(there), draft_of(draft))
    if changed and there.state is State.PUBLISHED:
        check_review(caller, reviewed=True)
    what: Literal["changed", "same"] = "changed" if changed else "same"
    return Planned(parsed.rows, what, draft.title, draft.slug, changed, draft, there)


def _there(session: Session, parsed: Parsed, caller: Caller) -> Resource | None:
    """The entry that the rows are of: by its name in addresses, else by its code."""
    for name in _names(parsed):
        try:
            return resource(session, name, visible_to=caller)
        except NotFound:
            continue
    return None


def _names(parsed: Parsed) -> Iterator[str]:
    slug, code = parsed.cells.get(Column.SLUG, ""), parsed.cells.get(Column.CODE, "")
    if slug:
        yield slug
    elif code:
        if identifier_valid(code):
            yield code
        yield slug_of(code)


def _check_free(session: Session, slug: str) -> None:
    """Names are taken by entries too that the caller may not know of."""
    try:
        resource(session, slug)
    except NotFound:
        return
    raise Invalid(
        "the name “{slug}” is taken",
        field="slug",
        mend="choose another name, or amend the resource that has it",
        slug=slug,
    )


class _Parties:
    """Parties by credit code and by name."""

    def __init__(self, session: Session) -> None:
        self._all: list[Party] = parties(session)

    def find(self, parsed: Parsed, defaults: Defaults) -> PartyId:
        """The provider of the rows; :class:`Invalid` when it is no party of this node."""
        code = parsed.cells.get(Column.PROVIDER_CODE, "").upper()
        name = parsed.cells.get(Column.PROVIDER, "")
        for one in self._all:
            if code and one.credit_code == code:
                return one.id
        for one in self._all:
            if name and name in {one.name.zh, one.name.en, one.id}:
                return one.id
        if defaults.provider is not None and not (code or name):
            return defaults.provider
        raise unknown_provider(name or code)
