"""Sources: put down, changed, listed."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import BY_AGREEMENT, LICENCES, THEMES, Access
from quanyu.catalogue.harvest.model import (
    HarvestSource,
    SourceKind,
    SourceSettings,
    Trust,
)
from quanyu.catalogue.harvest.reports import latest_runs
from quanyu.catalogue.harvest.tables import SourceRow
from quanyu.catalogue.rights import check_writes
from quanyu.catalogue.validate import LONGEST_ADDRESS, check_line, is_web_address
from quanyu.kernel import Conflict, Invalid, LocalText, NotFound, PartyId, new_id, now, owe
from quanyu.parties import Caller, party

SHORTEST, LONGEST = 5, 366 * 24 * 60
"""Minutes between runs."""

_SETTINGS = TypeAdapter(SourceSettings)


def add_source(
    session: Session,
    caller: Caller,
    *,
    name: LocalText,
    kind: SourceKind,
    url: str,
    provider: PartyId,
    settings: SourceSettings | None = None,
    every_minutes: int = 24 * 60,
) -> HarvestSource:
    """Put down a catalogue to be harvested for ``provider``, and owe ``harvest.source_added``.

    The first run is due at once, unless it runs only when asked (``every_minutes`` 0). Raises
    ``Invalid`` for faults, ``Conflict`` for an address that is harvested already, ``Refused``
    when the caller may not write for that party or trusts the source without running the node.
    """
    check_writes(caller, provider)
    _provider(session, provider)
    said = _checked(session, caller, settings or SourceSettings())
    address = _address(url)
    if session.scalar(select(SourceRow.id).where(SourceRow.url == address)):
        raise Conflict(
            "this address is harvested already", field="url", mend="change the source that has it"
        )
    row = SourceRow(
        id=new_id("harvest_source"),
        name_zh=check_line(name.zh, "name", 200),
        name_en=check_line(name.en, "name", 200),
        kind=kind.value,
        url=address,
        provider=provider,
        settings=_SETTINGS.dump_python(said, mode="json"),
        every_minutes=_every(every_minutes),
        active=True,
        next_at=now() if every_minutes else None,
        failures=0,
        revision=1,
        created_at=now(),
        created_by=caller.party or "",
    )
    session.add(row)
    session.flush()
    _owe(session, row, "harvest.source_added", caller)
    return to_source(row)


def change_source(
    session: Session,
    source_id: str,
    caller: Caller,
    *,
    revision: int,
    name: LocalText | None = None,
    url: str | None = None,
    settings: SourceSettings | None = None,
    every_minutes: int | None = None,
    active: bool | None = None,
) -> HarvestSource:
    """Change how a source is read; what is left out stays. Raises as :func:`add_source` does, and
    ``Conflict`` when somebody else has changed it since ``revision``."""
    row = writable_source(session, source_id, caller)
    if row.revision != revision:
        raise Conflict(
            "the source has been changed since you read it",
            field="revision",
            mend="read it again and repeat your change",
        )
    if name is not None:
        row.name_zh, row.name_en = (check_line(t, "name", 200) for t in (name.zh, name.en))
    if url is not None:
        row.url = _address(url)
    if settings is not None:
        row.settings = _SETTINGS.dump_python(_checked(session, caller, settings), mode="json")
    if every_minutes is not None:
        row.every_minutes = _every(every_minutes)
    if active is not None:
        row.active = active
    row.next_at = now() + timedelta(minutes=row.every_minutes) if row.every_minutes else None
    row.revision += 1
    row.failures = 0
    session.flush()
    _owe(session, row, "harvest.source_changed", caller)
    return to_source(row)


def harvest_source(session: Session, source_id: str, caller: Caller | None = None) -> HarvestSource:
    """A source with its last run; ``NotFound`` when there is none or the caller may not see it.

    ``None`` asks for the program itself.
    """
    row = session.get(SourceRow, source_id) if source_id.isprintable() else None
    if row is None or not (caller is None or may_see_source(row, caller)):
        raise NotFound("there is no harvest source {id}", id=source_id[:80])
    return replace(to_source(row), last_run=latest_runs(session, [row.id]).get(row.id))


def sources_of_harvest(session: Session, caller: Caller | None = None) -> list[HarvestSource]:
    """The sources that the caller may see, in order of their names, each with its last run."""
    order = select(SourceRow).order_by(SourceRow.name_en, SourceRow.name_zh, SourceRow.id)
    rows = [row for row in session.scalars(order) if caller is None or may_see_source(row, caller)]
    runs = latest_runs(session, [row.id for row in rows])
    return [replace(to_source(row), last_run=runs.get(row.id)) for row in rows]


def may_see_source(row: SourceRow, caller: Caller) -> bool:
    """A source is for the node, and for the party that its entries are of."""
    return caller.runs_node or (caller.party is not None and caller.party == row.provider)


def writable_source(session: Session, source_id: str, caller: Caller) -> SourceRow:
    """The row of a source that the caller may change or run."""
    row = session.get(SourceRow, source_id) if source_id.isprintable() else None
    if row is None or not may_see_source(row, caller):
        raise NotFound("there is no harvest source {id}", id=source_id[:80])
    check_writes(caller, PartyId(row.provider))
    return row


def to_source(row: SourceRow) -> HarvestSource:
    """The source of a row, without its last run."""
    return HarvestSource(
        id=row.id,
        name=LocalText(zh=row.name_zh, en=row.name_en),
        kind=SourceKind(row.kind),
        url=row.url,
        provider=PartyId(row.provider),
        settings=_SETTINGS.validate_python(row.settings),
        every_minutes=row.every_minutes,
        active=row.active,
        next_at=row.next_at,
        failures=row.failures,
        revision=row.revision,
        created_at=row.created_at,
    )


def source_settings(said: object) -> SourceSettings:
    """Settings out of JSON; raises ``Invalid`` that names what is wrong."""
    try:
        return _SETTINGS.validate_python(said)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Invalid("{why}", field=f"settings.{place}", why=first["msg"]) from error


def _checked(session: Session, caller: Caller, said: SourceSettings) -> SourceSettings:
    if said.trust is Trust.PUBLISH and not caller.runs_node:
        raise Invalid(
            "only the node itself may publish what it harvests without a look",
            field="settings.trust",
            mend="let it wait for review",
        )
    if said.licence not in LICENCES and not is_web_address(said.licence):
        raise Invalid(
            "“{licence}” is no licence that this node knows",
            field="settings.licence",
            mend="give its URL, or one of: {choices}",
            licence=said.licence[:80],
            choices=", ".join(LICENCES),
        )
    if said.access is Access.OPEN and said.licence == BY_AGREEMENT:
        raise Invalid(
            "open data cannot be “{licence}”",
            field="settings.access",
            mend="choose an open licence, or another access",
            licence=BY_AGREEMENT,
        )
    for theme in said.themes.values():
        if theme not in THEMES:
            raise Invalid(
                "“{theme}” is no theme",
                field="settings.themes",
                mend="choose among: {choices}",
                theme=theme[:80],
                choices=", ".join(THEMES),
            )
    for publisher in said.publishers.values():
        _provider(session, publisher)
        check_writes(caller, publisher)
    if not 1 <= said.page_size <= 1000 or not 1 <= said.missing_runs <= 100:
        raise Invalid(
            "this number is out of range",
            field="settings.page_size"
            if 1 <= said.missing_runs <= 100
            else "settings.missing_runs",
            mend="1 to 1000 records a page, 1 to 100 runs",
        )
    check_line(said.filter, "settings.filter", 2000)
    return said


def _address(url: str) -> str:
    address = url.strip()
    parts = urlsplit(address) if is_web_address(address, LONGEST_ADDRESS) else None
    if parts is None:
        raise Invalid(
            "“{url}” is no web address",
            field="url",
            mend="give one that begins with https://",
            url=address[:80],
        )
    if parts.username or parts.password:
        raise Invalid(
            "a password does not belong into the catalogue",
            field="url",
            mend="give the address without it; only open interfaces are harvested",
        )
    return address


def _every(minutes: int) -> int:
    if minutes and not SHORTEST <= minutes <= LONGEST:
        raise Invalid(
            "{minutes} minutes is out of range",
            field="every_minutes",
            mend="give 0 for by hand only, or {shortest} to {longest}",
            minutes=minutes,
            shortest=SHORTEST,
            longest=LONGEST,
        )
    return minutes


def _provider(session: Session, provider: PartyId) -> None:
    try:
        party(session, provider)
    except NotFound as error:
        raise Invalid(
            "there is no party {id}",
            field="provider",
            mend="name a registered party by its id",
            id=provider[:80],
        ) from error


def _owe(session: Session, row: SourceRow, kind: str, caller: Caller) -> None:
    owe(
        session,
        kind,
        row.id,
        {"kind_of_source": row.kind, "url": row.url, "provider": row.provider,
         "every_minutes": row.every_minutes, "active": row.active, "by": caller.party or ""},
    )  # fmt: skip
