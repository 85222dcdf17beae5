"""How much one person may write in an hour, and texts that are fit to be shown."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from quanyu.catalogue.validate import check_line, is_web_address
from quanyu.kernel import Invalid, MemberId, PartyId, Refused, TooMany, Unauthenticated, now
from quanyu.parties import Caller, Scope

LONGEST_TEXT = 5_000
LONGEST_TITLE = 200
_HOUR = timedelta(hours=1)


def signed_in(caller: Caller) -> tuple[PartyId, MemberId]:
    """Party and member of a caller who may write; raises ``Unauthenticated`` or ``Refused``."""
    if caller.party is None or caller.member is None:
        raise Unauthenticated("sign in to write here", mend="sign in with your account")
    if Scope.WRITE not in caller.scopes:
        raise Refused(
            "this token may only read",
            mend="use a token with the scope “write”",
            rule="feedback.write",
        )
    return caller.party, caller.member


def check_rate(
    session: Session,
    who: InstrumentedAttribute[str] | InstrumentedAttribute[str | None],
    at: InstrumentedAttribute[datetime],
    member: MemberId | None,
    most: int,
) -> None:
    """Raise :class:`TooMany` when ``member`` (``None``: all without an account) wrote ``most``
    things of this kind within an hour."""
    mine = who.is_(None) if member is None else who == member
    count = session.scalar(select(func.count()).where(mine, at > now() - _HOUR))
    if (count or 0) >= most:
        raise TooMany(
            "at most {most} of these can be written in an hour",
            mend="try again in an hour",
            retry_after=int(_HOUR.total_seconds()),
            most=most,
        )


def written(text: str, field: str, longest: int = LONGEST_TEXT) -> str:
    """A text that must be there, its line breaks kept; raises :class:`Invalid`."""
    found = check_line(text.replace("\r\n", "\n"), field, longest, lines=True)
    if not found:
        raise Invalid("this is missing", field=field, mend="write something")
    return found


def optional(text: str, field: str, longest: int = LONGEST_TEXT) -> str:
    """A text that may be empty."""
    return check_line(text.replace("\r\n", "\n"), field, longest, lines=True)


def address(text: str, field: str) -> str:
    """An http(s) URL; raises :class:`Invalid`."""
    found = text.strip()
    if not is_web_address(found):
        raise Invalid(
            "“{url}” is no web address",
            field=field,
            mend="give one that begins with https://",
            url=found[:80],
        )
    return found
