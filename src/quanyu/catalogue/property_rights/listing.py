"""The register of rights 产权登记簿 as a list: who has what, now or ever."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from quanyu.catalogue.property_rights.model import Held, RightKind
from quanyu.catalogue.property_rights.rows import to_held
from quanyu.catalogue.property_rights.tables import RightRow
from quanyu.catalogue.rights import visible_rows
from quanyu.catalogue.tables import ResourceRow
from quanyu.kernel import Invalid, LocalText, PartyId, ResourceId
from quanyu.parties import Caller

MOST = 1_000


@dataclass(frozen=True, slots=True)
class Listing:
    """A right in the register, with the resource that it is on."""

    right: Held
    slug: str
    code: str | None
    title: LocalText


@dataclass(frozen=True, slots=True)
class RegisterPage:
    """A page of the register, the latest entry first; ``total`` is exact."""

    items: tuple[Listing, ...]
    total: int
    next: str | None


def rights_register(
    session: Session,
    *,
    visible_to: Caller,
    kinds: frozenset[RightKind] = frozenset(),
    holder: PartyId | None = None,
    of: frozenset[ResourceId] | None = None,
    ended: bool = False,
    limit: int = 50,
    after: str | None = None,
) -> RegisterPage:
    """Rights in the register on resources that ``visible_to`` may know of.

    ``of`` keeps those on these resources; ``ended`` shows those that stand there no more, too.
    Raises :class:`Invalid` on ``limit`` or ``after``.
    """
    if not 1 <= limit <= MOST:
        raise Invalid("a page has 1 to {most} entries", field="limit", most=MOST)
    wanted = [visible_rows(visible_to)]
    if kinds:
        wanted.append(RightRow.kind.in_([kind.value for kind in kinds]))
    if holder is not None:
        wanted.append(RightRow.holder == (holder if holder.isprintable() else ""))
    if of is not None:
        wanted.append(RightRow.resource.in_(list(of)))
    if not ended:
        wanted.append(RightRow.ended_at.is_(None))
    joined = select(RightRow, ResourceRow).join(ResourceRow, ResourceRow.id == RightRow.resource)
    asked = joined.where(*wanted)
    total = session.execute(
        select(func.count(RightRow.number))
        .join(ResourceRow, ResourceRow.id == RightRow.resource)
        .where(*wanted)
    ).scalar_one()
    if after is not None:
        if not (after.isascii() and after.isdecimal() and len(after) < 18):
            raise Invalid("this page token is not of this list", field="after", mend="begin again")
        asked = asked.where(RightRow.number < int(after))
    rows = session.execute(asked.order_by(RightRow.number.desc()).limit(limit + 1)).all()
    items = tuple(
        Listing(to_held(right), entry.slug, entry.code, LocalText(**entry.body["title"]))
        for right, entry in rows[:limit]
    )
    more = str(rows[limit - 1][0].number) if len(rows) > limit else None
    return RegisterPage(items, total, more)
