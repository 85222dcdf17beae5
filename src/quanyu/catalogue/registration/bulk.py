"""The same step for many applications: each for itself, an answer for each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from quanyu.catalogue.registration.model import Application
from quanyu.kernel import Invalid, QuanyuError

MOST = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one of many: the application as it is now, or the error."""

    id: str
    done: Application | None
    error: QuanyuError | None


def each_application(
    session: Session, ids: Sequence[str], act: Callable[[str], Application]
) -> list[Outcome]:
    """Do ``act`` for each id in a savepoint of its own: what fails leaves nothing behind.

    Raises :class:`Invalid` for none or more than :data:`MOST`; other errors stand in the outcomes.
    """
    wanted = list(dict.fromkeys(ids))
    if not 1 <= len(wanted) <= MOST:
        raise Invalid(
            "choose 1 to {most} applications", field="id", mend="tick those you mean", most=MOST
        )
    outcomes = []
    for one in wanted:
        before = len(session.info.get("events", ()))
        try:
            with session.begin_nested():
                outcomes.append(Outcome(one, act(one), None))
        except QuanyuError as error:
            del session.info.get("events", [])[before:]
            outcomes.append(Outcome(one, None, error))
    return outcomes
