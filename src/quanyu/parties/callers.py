"""Who is asking: a token or a session secret turned into a :class:`Caller`, quickly."""

from dataclasses import replace
from datetime import datetime, timedelta
from threading import Lock
from time import monotonic

import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.exc import OperationalError

from quanyu.kernel import ControlStore, TokenId, Unauthenticated, now
from quanyu.parties.accounts import to_caller
from quanyu.parties.api_tokens import to_token
from quanyu.parties.credentials import secret_hash, token_well_formed
from quanyu.parties.delegation import lent_to
from quanyu.parties.model import ANONYMOUS, Caller, Role
from quanyu.parties.tables import MemberRow, PartyRow, SessionRow, TokenRow

LONGEST_TTL = 0.5
_KEPT = 10_000
_USED = timedelta(hours=1)
_log = structlog.get_logger(__name__)


class Callers:
    """Answers :meth:`who` from a cache of at most half a second: so long may a revocation take.

    ``ttl`` is in seconds; more than 0.5 is a ``ValueError``. Safe to share among threads.
    """

    def __init__(self, store: ControlStore, ttl: float = LONGEST_TTL) -> None:
        if not 0 <= ttl <= LONGEST_TTL:
            raise ValueError(f"callers may be cached for {LONGEST_TTL} seconds at most")
        self._store = store
        self._ttl = ttl
        self._known: dict[str, tuple[float, Caller]] = {}
        self._lock = Lock()

    def who(self, bearer: str | None, session_secret: str | None) -> Caller:
        """The caller behind a bearer token, else behind a session, else :data:`ANONYMOUS`.

        Raises :class:`Unauthenticated` when a credential is given and is unknown, expired or
        revoked; the token is looked at first, and a bad one is never replaced by the session.
        """
        if bearer is not None:
            if not token_well_formed(bearer):
                raise _unknown()
            return self._cached("token", secret_hash(bearer))
        if session_secret is not None:
            return self._cached("session", secret_hash(session_secret))
        return ANONYMOUS

    def peek(self, bearer: str | None, session_secret: str | None) -> Caller | None:
        """What :meth:`who` would say when it need not look into the store, else ``None``.

        For callers on an event loop, which must not wait.
        """
        if bearer is not None:
            return self._fresh("token", secret_hash(bearer))
        if session_secret is not None:
            return self._fresh("session", secret_hash(session_secret))
        return ANONYMOUS

    def _fresh(self, kind: str, hashed: str) -> Caller | None:
        found = self._known.get(f"{kind}:{hashed}")
        return found[1] if found and monotonic() < found[0] else None

    def _cached(self, kind: str, hashed: str) -> Caller:
        fresh = self._fresh(kind, hashed)
        if fresh is not None:
            return fresh
        # The life begins before the look: a revocation during it is not outlived.
        started = monotonic()
        caller, expires_at = self._by_token(hashed) if kind == "token" else self._by_session(hashed)
        life = min(self._ttl, (expires_at - now()).total_seconds())
        with self._lock:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[f"{kind}:{hashed}"] = (started + life, caller)
        return caller

    def _by_session(self, hashed: str) -> tuple[Caller, datetime]:
        with self._store.read() as session:
            row = session.execute(
                select(MemberRow, PartyRow.kind, SessionRow.expires_at)
                .join(SessionRow, SessionRow.member == MemberRow.id)
                .join(PartyRow, PartyRow.id == MemberRow.party)
                .where(
                    SessionRow.secret_hash == hashed,
                    SessionRow.expires_at > now(),
                    MemberRow.active.is_(True),
                )
            ).one_or_none()
            if row is None:
                raise _unknown()
            member, kind, expires_at = row
            own = frozenset(Role(role) for role in member.roles)
            return to_caller(member, kind, lent_to(session, member.id, own, now())), expires_at

    def _by_token(self, hashed: str) -> tuple[Caller, datetime]:
        moment = now()
        with self._store.read() as session:
            row = session.execute(
                select(MemberRow, PartyRow.kind, TokenRow)
                .join(TokenRow, TokenRow.member == MemberRow.id)
                .join(PartyRow, PartyRow.id == MemberRow.party)
                .where(
                    TokenRow.secret_hash == hashed,
                    TokenRow.expires_at > moment,
                    TokenRow.revoked_at.is_(None),
                    MemberRow.active.is_(True),
                )
            ).one_or_none()
            if row is None:
                raise _unknown()
            member, kind, found = row
            token = to_token(found)
            caller = to_caller(member, kind)
        if token.last_used_at is None or token.last_used_at < moment - _USED:
            self._mark_used(token.id, moment)
        bound = replace(caller, scopes=token.scopes, token=token.id, agreement=token.agreement)
        return bound, token.expires_at

    def _mark_used(self, token_id: TokenId, moment: datetime) -> None:
        unused = or_(TokenRow.last_used_at.is_(None), TokenRow.last_used_at < moment - _USED)
        try:
            with self._store.begin() as session:
                session.execute(
                    update(TokenRow)
                    .where(TokenRow.id == token_id, unused)
                    .values(last_used_at=moment)
                )
        except OperationalError as error:
            # A busy store is no reason to turn a good token away; the next request marks it.
            _log.warning("token.use_not_marked", token_id=token_id, error=type(error).__name__)


def _unknown() -> Unauthenticated:
    return Unauthenticated(
        "this credential is unknown, expired or revoked", mend="sign in again or use a valid token"
    )
