"""The gate: every request for data passes here, and comes out with a grant or a reasoned refusal.

What it knows of agreements and resources lives half a second at most, so that whatever is revoked
bites within a second on every worker.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from time import monotonic
from typing import TypeAlias

import orjson

from quanyu.agreements.compiling import Answer, Asked, Stated, Terms, compile_policy
from quanyu.agreements.covering import check_covered
from quanyu.agreements.implicit import HOLDER, OPEN_DATA, implicit_terms
from quanyu.agreements.jsonld import parse_policy
from quanyu.agreements.leases import Charge
from quanyu.agreements.meter import Meter
from quanyu.agreements.noisy_answers import EPSILON, answer_once
from quanyu.agreements.rules import refused
from quanyu.agreements.salts import node_salt
from quanyu.agreements.situation import (
    Signed,
    Situation,
    check_gives,
    check_operated,
    check_running,
    check_scope,
    is_open,
    named_one,
    only_running,
    read_situation,
    read_situations,
)
from quanyu.agreements.terms import MILLION, Quota
from quanyu.agreements.vocabulary import ASKABLE, compact, short, unknown
from quanyu.agreements.whence import UNKNOWN, Whence
from quanyu.catalogue import Kind, Resource, may_see
from quanyu.kernel import (
    ControlStore,
    Invalid,
    MemberId,
    NotFound,
    PartyId,
    Refused,
    ResourceId,
    blind,
    now,
    sha256_hex,
)
from quanyu.parties import Caller, PartyKind, Scope
from quanyu.spacetime import Restriction
from quanyu.streams import STREAM_FIELDS

LONGEST_TTL = 0.5
_KEPT = 20_000
_TERMS_KEPT = 5_000
OBSERVING = "observe"
"""The face by which observations, and nothing else, are written."""
_READING = frozenset({"read", "display", "reproduce", "aggregate", "use"})
"""Actions for which a decision may be taken again: who may edit is a matter of roles too."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a request wants. ``action`` is ODRL's: read (features), display (tiles, maps),
    reproduce (files), aggregate (statistics). ``version`` ``None`` is the newest allowed;
    ``whence`` is where the caller is, as far as that is known."""

    face: str
    action: str = "read"
    purpose: str | None = None
    agreement: str | None = None
    version: int | None = None
    whence: Whence = UNKNOWN


@dataclass(frozen=True, slots=True)
class Grant:
    """A decision to answer, under one agreement.

    ``versions`` are the only ones allowed (``None`` = all). ``party_commitment`` is what the log is
    told of the caller's party. ``until`` is when the decision may change of itself. ``stated`` are
    the terms in force, for the page that says why. ``checked``: what an algorithm gives needs no
    reviewer, as the agreement says so, or the data are open or the caller's own. ``person`` is the
    column by which groups are counted. ``quotas`` are spent with :meth:`Gate.spend`.
    """

    agreement: str
    resource: ResourceId
    slug: str
    provider: PartyId
    action: str
    purpose: str | None
    restriction: Restriction
    versions: frozenset[int] | None
    quotas: tuple[Quota, ...]
    party_commitment: str
    duties: tuple[str, ...]
    stated: tuple[Stated, ...]
    until: datetime | None
    open_data: bool = False
    checked: bool = False
    output_group: int = 1
    person: str | None = None
    restriction_key: str = field(default="")


_Key: TypeAlias = tuple[PartyId | None, PartyKind | None, MemberId | None, str | None, str, Ask]
ConnectorOf: TypeAlias = Callable[[MemberId], str]
"""The name of the peer whose account a member is; empty for everybody else."""


def _nobody(_member: MemberId) -> str:
    return ""


class Gate:
    """Decides and meters for one worker; safe to share among its threads.

    ``connector_of`` says which peer asks; without it nobody is one. ``ttl`` in seconds, 0.5 at
    most. :meth:`close` gives back what quotas it holds.
    """

    def __init__(
        self,
        control: ControlStore,
        ttl: float = LONGEST_TTL,
        clock: Callable[[], datetime] = now,
        connector_of: ConnectorOf = _nobody,
    ) -> None:
        if not 0 <= ttl <= LONGEST_TTL:
            raise ValueError(f"decisions may be cached for {LONGEST_TTL} seconds at most")
        self._control = control
        self._ttl = ttl
        self._clock = clock
        self._connector_of = connector_of
        self._meter = Meter(control, clock)
        self._grants: dict[_Key, tuple[float, datetime | None, Grant]] = {}
        self._situations: dict[tuple[PartyId | None, str], tuple[float, Situation]] = {}
        self._terms: dict[str, Terms] = {}
        self._salt: str | None = None
        self._lock = Lock()

    def decide(self, caller: Caller, slug: str, ask: Ask, asked_at: float | None = None) -> Grant:
        """A grant for ``caller`` on the resource with that slug.

        ``asked_at`` (monotonic seconds) is when the request began that asks many: what was fresh
        then counts for all of it, so that one request never learns the same thing twice.
        Raises :class:`NotFound` when there is no such resource or the caller may not know of it,
        :class:`Refused` with the rule that refuses, :class:`Invalid` on ``agreement`` when several
        could be meant and none is named, or on ``action`` and ``agreement`` when unknown.
        """
        # The life begins before the look: a change during it is not outlived.
        started = monotonic() if asked_at is None else asked_at
        found = self.peek(caller, slug, ask, started)
        if found is not None:
            return found
        ends, situation = self._situation(caller, slug, started)
        check_scope(caller, compact(ask.action), observing=ask.face == OBSERVING)
        grant = self._decide(caller, situation, ask)
        with self._lock:
            if len(self._grants) >= _KEPT:
                self._grants.clear()
            self._grants[_key(caller, slug, ask)] = (ends, grant.until, grant)
        return grant

    def peek(
        self, caller: Caller, slug: str, ask: Ask, asked_at: float | None = None
    ) -> Grant | None:
        """The decision, when it was made less than ``ttl`` ago; never waits for the store.

        ``asked_at`` as in :meth:`decide`."""
        found = self._grants.get(_key(caller, slug, ask))
        if found is None or Scope.READ not in caller.scopes or ask.action not in _READING:
            return None
        ends, until, grant = found
        started = monotonic() if asked_at is None else asked_at
        if started >= ends or (until is not None and self._clock() >= until):
            return None
        return grant

    def foresee(self, caller: Caller, entries: Sequence[Resource], began: float) -> None:
        """Learn in one question what :meth:`decide` needs of many entries, which were read from
        the catalogue since ``began`` (monotonic seconds). It is believed no longer than usual."""
        with self._control.read() as session:
            found = read_situations(session, caller.party, entries)
        with self._lock:
            if len(self._situations) + len(found) > _KEPT:
                self._situations.clear()
            for one in found:
                self._situations[caller.party, one.resource.slug] = (began + self._ttl, one)

    def spend(self, grant: Grant, *, requests: int = 0, rows: int = 0, bytes: int = 0) -> None:  # noqa: A002
        """Spend quotas and rates of a grant before its answer is given: all of them or none.

        Raises :class:`Refused` when a quota is used up, :class:`TooMany` (``retry_after``) when a
        rate is passed; both name the rule.
        """
        if grant.quotas:
            self._meter.spend(_charges(grant, requests, rows, bytes))

    def spend_local(
        self,
        grant: Grant,
        *,
        requests: int = 0,
        rows: int = 0,
        bytes: int = 0,  # noqa: A002
    ) -> bool:
        """Spend without waiting for the control store; ``False`` when that cannot be, and then
        nothing is spent."""
        return not grant.quotas or self._meter.spend_local(_charges(grant, requests, rows, bytes))

    def answer_once(
        self, grant: Grant, version: int, question: str, make: Callable[[], bytes]
    ) -> bytes:
        """The answer with noise to a question about a version, whose privacy loss is spent when it
        is asked first; see :func:`~quanyu.agreements.noisy_answers.answer_once`."""
        figures = grant.restriction.figures
        if figures is None or figures.noise is None:
            raise ValueError("the agreement asks for no noise")
        loss = round(figures.noise.epsilon * MILLION)
        charges = [Charge(grant.agreement, q, loss) for q in grant.quotas if q.measure == EPSILON]
        asked = f"{grant.restriction_key} {version} {question}"
        return answer_once(self._control, charges, asked, make, self._clock())

    def used(self, agreement: str) -> dict[str, int]:
        """Units given out under each quota (by rule id) of an agreement."""
        return self._meter.used(agreement)

    def close(self) -> None:
        """Give back what quotas this worker holds."""
        self._meter.close()

    def _situation(self, caller: Caller, slug: str, started: float) -> tuple[float, Situation]:
        key = (caller.party, slug)
        found = self._situations.get(key)
        if found is None or started >= found[0]:
            with self._control.read() as session:
                read = read_situation(session, caller.party, slug)
            found = (started + self._ttl, read)
            with self._lock:
                if len(self._situations) >= _KEPT:
                    self._situations.clear()
                self._situations[key] = found
        self._know_salt()
        if not (may_see(caller, found[1].resource) or found[1].signed):
            raise NotFound("there is no resource {id}", id=slug[:80])
        return found

    def _know_salt(self) -> None:
        if self._salt is None:
            with self._control.read() as session:
                self._salt = node_salt(session)
        if self._salt is None:
            with self._control.begin() as session:
                self._salt = node_salt(session, create=True)

    def _decide(self, caller: Caller, situation: Situation, ask: Ask) -> Grant:
        action = compact(ask.action)
        if action not in ASKABLE:
            raise unknown(ask.action, "action")
        purpose = None if not ask.purpose else short(ask.purpose)
        moment = self._clock()
        name, terms, salt = self._choose(caller, situation, ask, moment)
        whence = ask.whence
        if terms.placed:
            connector = ""
            if caller.token is not None and caller.member is not None:
                connector = self._connector_of(caller.member)
            whence = replace(whence, connector=connector)
        asked = Asked(action, moment, caller.party, caller.kind, purpose, whence, ask.face)
        of = situation.resource
        known = tuple(meaning.name for meaning in of.fields)
        if not known and of.kind is Kind.STREAM:
            known = tuple(STREAM_FIELDS)  # what every stream has, whether it says so or not
        key = blind("columns", salt)[:32]
        try:
            answer = terms.answer(asked, known, key)
        except Refused as error:
            if error.rule and error.rule != "policy.deny":
                error.rule = f"{name}#{error.rule}"
            raise
        person = next((meaning.name for meaning in of.fields if meaning.person), None)
        restriction = _by_person(answer.restriction, person, key)
        return Grant(
            agreement=name,
            resource=of.id,
            slug=of.slug,
            provider=of.provider,
            action=action,
            purpose=purpose,
            restriction=restriction,
            versions=_versions(answer, ask, name),
            quotas=answer.quotas,
            party_commitment=blind(caller.party or "", salt),
            duties=answer.duties,
            stated=answer.stated,
            until=answer.until,
            open_data=name.startswith(OPEN_DATA),
            output_group=answer.output_group,
            checked=answer.checked or name in (HOLDER + of.id, OPEN_DATA + of.id),
            person=person,
            restriction_key=restriction.key,
        )

    def _choose(
        self, caller: Caller, situation: Situation, ask: Ask, moment: datetime
    ) -> tuple[str, Terms, str]:
        """The one agreement that this request goes by: its name, terms and salt."""
        of = situation.resource
        named = ask.agreement or caller.agreement
        if caller.agreement is not None and named != caller.agreement:
            raise refused(
                "token.bound",
                "this token works under another agreement",
                "use a token that is not bound, or name its agreement",
            )
        own = caller.party is not None and caller.party == of.provider
        implicit = {HOLDER + of.id: own, OPEN_DATA + of.id: is_open(of, situation.level)}
        check_gives(of, situation.level, own=own, node=caller.kind is PartyKind.CITY_NODE)
        if named is None:
            named = next((name for name, holds in implicit.items() if holds), None)
        if named is None:
            signed = only_running(situation.signed, moment)
        elif implicit.get(named):
            salt = blind(named, self._salt or "")[:32]
            return named, implicit_terms(named.startswith(HOLDER)), salt
        else:
            signed = named_one(situation.signed, named, caller)
        check_running(signed, moment)
        check_covered(signed.uncovered, None if not ask.purpose else short(ask.purpose))
        check_operated(signed, situation)
        return signed.id, self._compiled(signed), signed.salt

    def _compiled(self, signed: Signed) -> Terms:
        found = self._terms.get(signed.digest)
        if found is None:
            if sha256_hex(signed.policy.encode()) != signed.digest:
                raise refused(
                    "agreement.altered",
                    "the agreement's text is not the one that was signed",
                    "tell the node's operator",
                )
            try:
                found = compile_policy(parse_policy(orjson.loads(signed.policy)))
            except Invalid as error:
                raise Refused(
                    error.detail,
                    field=error.field,
                    mend=error.mend,
                    rule=error.rule or "policy.value",
                    **error.params,
                ) from error
            with self._lock:
                if len(self._terms) >= _TERMS_KEPT:
                    self._terms.clear()
                self._terms[signed.digest] = found
        return found


def _key(caller: Caller, slug: str, ask: Ask) -> _Key:
    # Only a peer's own tokens make it the connector.
    member = None if caller.token is None else caller.member
    return caller.party, caller.kind, member, caller.agreement, slug, ask


def _by_person(restriction: Restriction, person: str | None, salt: str) -> Restriction:
    """Groups counted by persons, where the catalogue says which column stands for one; they are
    told apart by codes under ``salt``."""
    figures = restriction.figures
    if person is None or figures is None or figures.least <= 1:
        return restriction
    return replace(restriction, figures=replace(figures, person=person), salt=salt)


def _charges(grant: Grant, requests: int, rows: int, bytes_: int) -> list[Charge]:
    amounts = {"requests": requests, "rows": rows, "bytes": bytes_}
    if min(amounts.values()) < 0:
        raise ValueError("amounts spent cannot be negative")
    return [
        Charge(grant.agreement, quota, amounts[quota.measure])
        for quota in grant.quotas
        if amounts.get(quota.measure)
    ]


def _versions(answer: Answer, ask: Ask, name: str) -> frozenset[int] | None:
    allowed = answer.versions.allowed
    if allowed is None:
        return None
    if ask.version is not None and ask.version not in allowed:
        rule = next(s.rule for s in answer.stated if "version" in s.message)
        raise Refused(
            "the agreement gives only the versions {versions}",
            rule=f"{name}#{rule}",
            field="version",
            mend="ask for one of them",
            versions=", ".join(map(str, sorted(allowed))),
        )
    return allowed
