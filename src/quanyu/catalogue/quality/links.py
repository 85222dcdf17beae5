"""Whether addresses of data elsewhere answer: a few at a time, each again after some weeks."""

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import State
from quanyu.catalogue.model import Resource
from quanyu.catalogue.quality.care import put_care
from quanyu.catalogue.quality.tables import CareRow
from quanyu.catalogue.rows import to_resource
from quanyu.catalogue.tables import ResourceRow
from quanyu.kernel import ControlStore, Outbound, QuanyuError, ask, now

AGAIN = timedelta(days=21)
_ENTRIES = 20
_ADDRESSES = 5
_TIMEOUT_S = 5.0


def check_links(control: ControlStore, *, allow_private: bool = False) -> int:
    """Try the addresses of entries that were not tried for weeks; how many entries.

    Only what an entry names is asked, without its body, through the kernel's guarded client.
    """
    moment = now()
    with control.read() as session:
        waiting = _waiting(session, moment)
    out = Outbound(
        allow_private=allow_private, max_bytes=1 << 20, field="distributions", timeout=_TIMEOUT_S
    )
    for entry in waiting:
        answered = [one.url for one in entry.distributions[:_ADDRESSES] if _answers(one.url, out)]
        with control.begin() as session:
            row = session.scalar(select(ResourceRow).where(ResourceRow.id == entry.id))
            if row is None:
                continue
            put_care(session, row)
            care = session.get_one(CareRow, row.number)
            care.answered, care.checked_at = answered, moment
            put_care(session, row)
    return len(waiting)


def _waiting(session: Session, moment: datetime) -> list[Resource]:
    query = (
        select(ResourceRow)
        .join(CareRow, CareRow.number == ResourceRow.number)
        .where(
            ResourceRow.state == State.PUBLISHED.value,
            CareRow.elsewhere.is_(True),
            or_(CareRow.checked_at.is_(None), CareRow.checked_at < moment - AGAIN),
        )
        .order_by(CareRow.checked_at)
        .limit(_ENTRIES)
    )
    return [to_resource(row) for row in session.scalars(query)]


def _answers(url: str, out: Outbound) -> bool:
    try:
        return 200 <= ask(url, out, method="HEAD").status < 400
    except QuanyuError:  # it does not answer, or may not be asked: both are “not seen to answer”
        return False
