"""How members want to hear: on the page, by mail at once or once a day, per topic."""

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from quanyu.kernel import Invalid, MemberId
from quanyu.parties.notices.model import TOPICS, Choice, Mail
from quanyu.parties.notices.tables import NoticeChoiceRow

ALWAYS = frozenset({"security"})
"""Topics that always stand on the page: who missed them could lose the account."""


def choices_of(session: Session, members: Sequence[str], topic: str) -> dict[str, Choice]:
    """How each of ``members`` wants to hear of ``topic``."""
    rows = session.scalars(
        select(NoticeChoiceRow).where(
            NoticeChoiceRow.topic == topic, NoticeChoiceRow.member.in_(members)
        )
    )
    said = {row.member: Choice(row.page or topic in ALWAYS, Mail(row.mail)) for row in rows}
    return {member: said.get(member, Choice()) for member in members}


def notice_choices(session: Session, member: MemberId) -> dict[str, Choice]:
    """How a member wants to hear of every topic."""
    rows = session.scalars(select(NoticeChoiceRow).where(NoticeChoiceRow.member == member))
    said = {row.topic: Choice(row.page or row.topic in ALWAYS, Mail(row.mail)) for row in rows}
    return {topic: said.get(topic, Choice()) for topic in TOPICS}


def choose_notices(session: Session, member: MemberId, choices: Mapping[str, Choice]) -> None:
    """Keep how a member wants to hear of the given topics; raises :class:`Invalid`."""
    for topic, choice in choices.items():
        if topic not in TOPICS:
            raise Invalid("there is no such topic", field="topic", mend="choose one that is listed")
        session.execute(
            delete(NoticeChoiceRow).where(
                NoticeChoiceRow.member == member, NoticeChoiceRow.topic == topic
            )
        )
        if choice != Choice():
            session.add(
                NoticeChoiceRow(
                    member=member, topic=topic, page=choice.page, mail=choice.mail.value
                )
            )
    session.flush()
