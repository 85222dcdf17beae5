"""A policy compiled once, and what it says to a request. The algebra is in
``docs/reference/policy-terms.md``; in short: prohibitions win, permissions that are meant narrow
together, and a further constraint on a permission never shows more."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import combinations

from quanyu.agreements.narrowing import outside, without_salt
from quanyu.agreements.policy import Condition, Constraint, Logical, Policy, Rule
from quanyu.agreements.terms import (
    CHECKED,
    EVERYTHING,
    SELECTORS,
    TERMS,
    Among,
    Columns,
    Part,
    Quota,
    compile_constraint,
)
from quanyu.agreements.vocabulary import AGGREGATE, DUTIES, PARENTS, covers, gives, short, unknown
from quanyu.agreements.whence import UNKNOWN, Whence
from quanyu.kernel import Invalid, PartyId, Refused
from quanyu.parties import PartyKind
from quanyu.spacetime import OPEN, Mask, Restriction

LONGEST_NAME = 200
_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Stated:
    """A term in force, for the page that says why: message id, its parameters, its rule."""

    rule: str
    message: str
    params: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Owed:
    """A duty by its rule: what is to be done, and by when if the policy says so."""

    rule: str
    action: str
    due: datetime | None


@dataclass(frozen=True, slots=True)
class Clause:
    """A permission or prohibition compiled: its constraints one by one, each with its rule id."""

    rule: str
    action: str
    operands: tuple[str, ...]
    parts: tuple[tuple[str, Part], ...]
    said: tuple[Stated, ...]
    whole: Part


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says of itself, in the policy's words."""

    action: str
    at: datetime
    party: PartyId | None = None
    kind: PartyKind | None = None
    purpose: str | None = None
    whence: Whence = UNKNOWN
    face: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a policy gives a request; it may have changed at ``until``. ``checked``: outputs of
    algorithms need no reviewer; ``output_group``: the least group that they may show."""

    restriction: Restriction
    versions: Among[int]
    quotas: tuple[Quota, ...]
    duties: tuple[str, ...]
    stated: tuple[Stated, ...]
    until: datetime | None
    checked: bool = False
    output_group: int = 1


def property_names(filter_: object) -> Iterator[str]:
    """Every property that a CQL2-JSON filter names."""
    waiting = [filter_]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            if isinstance(item.get("property"), str):
                yield item["property"]
            waiting.extend(item.values())
        elif isinstance(item, list | tuple):
            waiting.extend(item)


@dataclass(frozen=True, slots=True)
class Terms:
    """A policy compiled 条款. ``expires_at`` is when its last permission ends (``None``: never)."""

    permissions: tuple[Clause, ...]
    prohibitions: tuple[Clause, ...]
    duties: tuple[Stated, ...]
    owed: tuple[Owed, ...]
    expires_at: datetime | None
    moments: tuple[datetime, ...]
    placed: bool
    _given: dict[tuple[object, ...], Answer | Refused] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def purposes(self) -> frozenset[str] | None:
        """Every purpose that some permission names; ``None`` when one is for any purpose."""
        named: set[str] = set()
        for clause in self.permissions:
            if clause.whole.purposes.allowed is None:
                return None
            named |= clause.whole.purposes.allowed
        return frozenset(named)

    @property
    def columns(self) -> frozenset[str]:
        """Every column that some rule names: to show, hide, mask, or filter rows by."""
        named: set[str] = set()
        for clause in (*self.permissions, *self.prohibitions):
            seen = clause.whole.columns
            named |= (seen.among.allowed or frozenset()) | seen.among.excluded
            named |= {column.name for column in seen.masks}
            named |= set(property_names(clause.whole.restriction.rows))
        return frozenset(named)

    @property
    def quotas(self) -> tuple[Quota, ...]:
        """Every quota and rate of every permission."""
        return tuple(quota for clause in self.permissions for quota in clause.whole.quotas)

    def answer(self, asked: Asked, known: tuple[str, ...] = (), salt: str = "") -> Answer:
        """What the policy gives; ``known`` are the columns that the catalogue describes, ``salt``
        the key of hashed columns. Raises :class:`Refused` with the rule that refuses.

        Between two of its moments a policy says the same, so that what it gave is remembered."""
        if self.placed:
            # Where a caller is differs from request to request: nothing is remembered.
            return self._answer(asked, known, salt)
        span = bisect_right(self.moments, asked.at)
        key = (span, asked.action, asked.party, asked.kind, asked.purpose, known, salt)
        found = self._given.get(key)
        if found is None:
            try:
                found = self._answer(asked, known, salt)
            except Refused as error:
                found = error.with_traceback(None)
            if len(self._given) >= _REMEMBERED:
                self._given.clear()
            self._given[key] = found
        if isinstance(found, Refused):
            # Another one each time: who raises an error may write in it.
            raise Refused(
                found.detail, field=found.field, mend=found.mend, rule=found.rule, **found.params
            )
        return found

    def _answer(self, asked: Asked, known: tuple[str, ...], salt: str) -> Answer:
        meant = [clause for clause in self.permissions if self._meant(clause, asked)]
        if not meant:
            raise self._not_meant(asked)
        for clause in meant:
            _check_window(clause, asked.at)
            _check_place(clause, asked)
        part = meant[0].whole
        for clause in meant[1:]:
            part = part.both(clause.whole)
        stated = [said for clause in meant for said in clause.said]
        if part.restriction.figures is not None and asked.action != AGGREGATE:
            raise _figures_only(meant)
        for clause in self.prohibitions:
            if _prohibits(clause, asked):
                part = _without(part, clause)
                stated.extend(clause.said)
        restriction = replace(part.restriction, columns=part.columns.of(known), salt=salt)
        if not any(c.mask in (Mask.HASH, Mask.MARK) for c in restriction.columns or ()):
            restriction = without_salt(restriction)
        return Answer(
            restriction=OPEN if restriction == OPEN else restriction,
            versions=part.versions,
            quotas=part.quotas,
            duties=tuple(said.message for said in self.duties),
            stated=(*stated, *self.duties),
            until=min((m for m in self.moments if m > asked.at), default=None),
            checked=part.releases.allowed == frozenset({CHECKED}),
            output_group=part.output_group,
        )

    def _meant(self, clause: Clause, asked: Asked) -> bool:
        return gives(clause.action, asked.action) and _unmet(clause, asked) is None

    def _not_meant(self, asked: Asked) -> Refused:
        for clause in self.permissions:
            unmet = _unmet(clause, asked)
            if gives(clause.action, asked.action) and unmet is not None:
                rule, why = unmet
                return why(rule)
        return Refused(
            "the policy does not permit the action “{action}”",
            rule="policy.deny",
            mend="ask the provider for an agreement that permits it",
            action=short(asked.action).removeprefix("odrl:"),
        )


def compile_policy(policy: Policy) -> Terms:
    """Compile a policy; raises :class:`Invalid` naming the first term that is not understood."""
    permissions = tuple(_clauses(policy, policy.permissions, "permission"))
    prohibitions = tuple(_clauses(policy, policy.prohibitions, "prohibition"))
    if not permissions:
        raise Invalid(
            "a policy without a permission gives nothing",
            field="policy.permission",
            mend="add a permission",
        )
    _check_names((*permissions, *prohibitions))
    _check_apart(permissions)
    for number, clause in enumerate(prohibitions):
        _check_prohibition(clause, f"policy.prohibition[{number}]")
    duties = [*_duties(policy, policy.obligations, "obligation")]
    for number, rule in enumerate(policy.permissions):
        duties.extend(_duties(policy, rule.duties, f"permission[{number}].duty"))
    ends = [clause.whole.window.end for clause in permissions]
    windows = [clause.whole.window for clause in (*permissions, *prohibitions)]
    return Terms(
        permissions=permissions,
        prohibitions=prohibitions,
        duties=tuple(said for said, _ in duties),
        owed=tuple(owed for _, owed in duties),
        expires_at=None if None in ends else max(end for end in ends if end is not None),
        placed=any(clause.whole.circumstances for clause in permissions),
        moments=tuple(sorted({t for w in windows for t in (w.start, w.end) if t is not None})),
    )


def _clauses(policy: Policy, rules: tuple[Rule, ...], kind: str) -> Iterator[Clause]:
    for number, rule in enumerate(rules):
        where = f"policy.{kind}[{number}]"
        if rule.action not in PARENTS:
            raise unknown(rule.action, f"{where}.action")
        _check_same(policy, rule, where)
        name = rule.uid or f"{kind}.{number + 1}"
        parts: list[tuple[str, Part]] = []
        said: list[Stated] = []
        operands: list[str] = []
        for label, conditions in (
            ("constraint", rule.constraints),
            ("refinement", rule.refinements),
        ):
            for leaf, place, identity in _leaves(conditions, f"{where}.{label}", f"{name}.{label}"):
                part = compile_constraint(leaf, identity, place)
                parts.append((identity, part))
                operands.append(leaf.left)
                said.append(_said(leaf, identity))
        whole = EVERYTHING
        for _, part in parts:
            whole = whole.both(part)
        yield Clause(name, rule.action, tuple(operands), tuple(parts), tuple(said), whole)


def _leaves(
    conditions: tuple[Condition, ...], where: str, name: str
) -> Iterator[tuple[Constraint, str, str]]:
    for number, condition in enumerate(conditions):
        place, identity = f"{where}[{number}]", condition.uid or f"{name}.{number + 1}"
        if isinstance(condition, Logical):
            if condition.operator != "odrl:and":
                raise unknown(condition.operator, place)
            yield from _leaves(condition.operands, place, identity)
        else:
            yield condition, place, identity


def _said(constraint: Constraint, rule: str) -> Stated:
    right, term = constraint.right, TERMS[constraint.left, constraint.operator]
    value = ", ".join(map(str, right)) if isinstance(right, list) else str(right)
    says = term.units[constraint.unit] if constraint.unit else term.says
    return Stated(rule, says, (("value", value[:200]),))


def _duties(policy: Policy, rules: tuple[Rule, ...], kind: str) -> Iterator[tuple[Stated, Owed]]:
    for number, rule in enumerate(rules):
        where = f"policy.{kind}[{number}]"
        if rule.action not in DUTIES:
            raise unknown(rule.action, f"{where}.action")
        _check_same(policy, rule, where)
        name = rule.uid or f"{kind}.{number + 1}"
        by, due = "", None
        conditions = (*rule.constraints, *rule.refinements)
        for leaf, place, identity in _leaves(conditions, f"{where}.constraint", name):
            part = compile_constraint(leaf, identity, place)
            if part.changed != {"window"} or part.window.end is None:
                raise unknown(leaf.left, place)
            by, due = str(leaf.right), part.window.end
        plain, dated = DUTIES[rule.action]
        said = Stated(name, dated if by else plain, (("by", by),) if by else ())
        yield said, Owed(name, rule.action, due)


def _check_same(policy: Policy, rule: Rule, where: str) -> None:
    for name in ("target", "assigner", "assignee"):
        own, of_policy = getattr(rule, name), getattr(policy, name)
        if own is not None and (of_policy is None or short(own) != short(of_policy)):
            raise unknown(own, f"{where}.{name}")


def _check_names(clauses: tuple[Clause, ...]) -> None:
    """Refusals and quotas are kept by rule: each must be told from every other."""
    seen: set[str] = set()
    for name in [
        n for clause in clauses for n in (clause.rule, *(rule for rule, _ in clause.parts))
    ]:
        if name in seen or len(name) > LONGEST_NAME or not name.isprintable():
            raise Invalid(
                "the rule or constraint id “{name}” is given twice or is too long",
                field="policy",
                mend="give each its own @id of at most {longest} characters, or none",
                name=name[:LONGEST_NAME],
                longest=LONGEST_NAME,
            )
        seen.add(name)


def _check_apart(permissions: tuple[Clause, ...]) -> None:
    for (i, a), (j, b) in combinations(enumerate(permissions), 2):
        if not (gives(a.action, b.action) or gives(b.action, a.action)):
            continue
        one, two = a.whole, b.whole
        same = all(getattr(one, name) == getattr(two, name) for name in SELECTORS)
        apart = any(getattr(one, name).apart(getattr(two, name)) for name in SELECTORS)
        if not (same or apart):
            raise Invalid(
                "permissions {one} and {two} overlap under different conditions",
                field=f"policy.permission[{j}]",
                rule="policy.ambiguous",
                mend="give both the same purposes and recipients, or none in common",
                one=i + 1,
                two=j + 1,
            )


def _figures_only(meant: list[Clause]) -> Refused:
    rule = next(
        rule
        for clause in meant
        for rule, part in clause.parts
        if part.restriction.figures is not None
    )
    return Refused(
        "the agreement gives figures of groups only, no rows",
        rule=rule,
        mend="ask for statistics",
    )


def _check_prohibition(clause: Clause, where: str) -> None:
    for number, (_, part) in enumerate(clause.parts):
        if part.changed <= SELECTORS | {"window"}:
            continue
        takes_away = (
            (part.columns.among.allowed is not None and not part.columns.masks)
            or part.restriction.rows is not None
            or part.restriction.region is not None
        )
        if not takes_away or len(clause.whole.changed - SELECTORS - {"window"}) != 1:
            raise unknown(clause.operands[number], where)
        narrowing = [p for _, p in clause.parts if not p.changed <= SELECTORS | {"window"}]
        if len(narrowing) != 1:
            raise unknown(clause.operands[number], where)


def _unmet(clause: Clause, asked: Asked) -> tuple[str, Callable[[str], Refused]] | None:
    """The first selector that the request does not meet, and how to say so."""
    for rule, part in clause.parts:
        if not part.purposes.admits(asked.purpose):
            return rule, _no_purpose if asked.purpose is None else _other_purpose
        kind = None if asked.kind is None else asked.kind.value
        if not part.recipients.admits(asked.party) or not part.kinds.admits(kind):
            return rule, _other_recipient
    return None


def _no_purpose(rule: str) -> Refused:
    return Refused(
        "this agreement needs a purpose, and none was stated",
        rule=rule,
        field="purpose",
        mend="state one of the agreement's purposes",
    )


def _other_purpose(rule: str) -> Refused:
    return Refused(
        "the purpose stated is not one of the agreement's",
        rule=rule,
        field="purpose",
        mend="state one of the agreement's purposes, or ask the provider for another agreement",
    )


def _other_recipient(rule: str) -> Refused:
    return Refused(
        "the agreement is for other recipients",
        rule=rule,
        mend="ask the provider for an agreement with your party",
    )


def _check_window(clause: Clause, at: datetime) -> None:
    for rule, part in clause.parts:
        if part.window.start is not None and at < part.window.start:
            raise Refused(
                "the permission is not in force yet", rule=rule, mend="wait until it begins"
            )
        if part.window.end is not None and at >= part.window.end:
            raise Refused("the permission has expired", rule=rule, mend="request a new agreement")


def _check_place(clause: Clause, asked: Asked) -> None:
    for rule, part in clause.parts:
        for one in part.circumstances:
            if not one.holds(asked.whence, asked.face):
                raise Refused(
                    "the agreement asks for another {kind} than this request is known to come from",
                    rule=rule,
                    mend="ask from where the agreement says, without a proxy that the node does"
                    " not know",
                    kind=one.kind.value,
                )


def _prohibits(clause: Clause, asked: Asked) -> bool:
    """Whether a prohibition is meant and in force. What the request leaves unsaid counts as met."""
    if not covers(clause.action, asked.action):
        return False
    whole = clause.whole
    kind = None if asked.kind is None else asked.kind.value
    return (
        (asked.purpose is None or whole.purposes.admits(asked.purpose))
        and (asked.party is None or whole.recipients.admits(asked.party))
        and (kind is None or whole.kinds.admits(kind))
        and (whole.window.start is None or asked.at >= whole.window.start)
        and (whole.window.end is None or asked.at < whole.window.end)
    )


def _without(part: Part, clause: Clause) -> Part:
    """``part`` without what a prohibition takes away; all of it when it names nothing."""
    whole = clause.whole
    hidden = whole.columns.among.allowed
    if hidden is not None:
        return part.both(Part(columns=Columns(Among(excluded=hidden))))
    if whole.restriction.rows is not None:
        # A row on which the filter is null is not shown either: ``not null`` is null.
        rows = {"op": "not", "args": [whole.restriction.rows]}
        return part.both(Part(restriction=Restriction(rows=rows)))
    rest = None if whole.restriction.region is None else outside(whole.restriction.region)
    if rest is not None:
        return part.both(Part(restriction=Restriction(region=rest)))
    raise Refused(
        "the policy prohibits this",
        rule=clause.rule,
        field=None if whole.purposes.any else "purpose",
        mend="state a purpose that is not prohibited, or ask the provider",
    )
