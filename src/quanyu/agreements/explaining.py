"""Why a request was allowed or refused: every rule that was weighed, and the one that decided."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from quanyu.agreements.compiling import Answer, Asked, Clause, Stated, Terms
from quanyu.agreements.terms import SELECTORS, Part
from quanyu.agreements.vocabulary import covers, gives
from quanyu.kernel import Refused


class Outcome(StrEnum):
    """What a rule said to a request."""

    OTHER_ACTION = "other-action"
    MET = "met"
    NOT_MET = "not-met"
    NOT_IN_FORCE = "not-in-force"
    NARROWS = "narrows"
    COUNTS = "counts"
    PROHIBITS = "prohibits"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Weighed:
    """A rule or constraint that was looked at, what it says, and what it said to this request."""

    rule: str
    action: str
    prohibits: bool
    stated: Stated | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Explained:
    """A decision with its reasons. ``answer`` is ``None`` where it was refused."""

    answer: Answer | None
    refusal: Refused | None
    weighed: tuple[Weighed, ...]

    @property
    def decided(self) -> str | None:
        """The rule that refused."""
        return None if self.refusal is None else self.refusal.rule


def explain_decision(
    terms: Terms, asked: Asked, known: tuple[str, ...] = (), salt: str = ""
) -> Explained:
    """What :meth:`~quanyu.agreements.Terms.answer` says to a request, and why."""
    weighed = tuple(_weighed(terms, asked))
    try:
        return Explained(terms.answer(asked, known, salt), None, weighed)
    except Refused as refusal:
        return Explained(None, refusal, weighed)


def _weighed(terms: Terms, asked: Asked) -> Iterator[Weighed]:
    for clause in terms.permissions:
        meant = gives(clause.action, asked.action)
        yield Weighed(
            clause.rule,
            clause.action,
            False,
            None,
            Outcome.MET if meant else Outcome.OTHER_ACTION,
        )
        for (rule, part), stated in zip(clause.parts, clause.said, strict=True):
            outcome = _of_permission(part, asked) if meant else Outcome.OTHER_ACTION
            yield Weighed(rule, clause.action, False, stated, outcome)
    for clause in terms.prohibitions:
        yield from _of_prohibition(clause, asked)


def _of_permission(part: Part, asked: Asked) -> Outcome:
    if part.changed & SELECTORS:
        return Outcome.MET if _selects(part, asked, unstated=False) else Outcome.NOT_MET
    if "window" in part.changed:
        return Outcome.MET if _in_force(part, asked) else Outcome.NOT_IN_FORCE
    if part.circumstances:
        holds = all(one.holds(asked.whence, asked.face) for one in part.circumstances)
        return Outcome.MET if holds else Outcome.NOT_MET
    return Outcome.COUNTS if part.changed == {"quotas"} else Outcome.NARROWS


def _of_prohibition(clause: Clause, asked: Asked) -> Iterator[Weighed]:
    same = covers(clause.action, asked.action)
    meant = same and _selects(clause.whole, asked, unstated=True) and _in_force(clause.whole, asked)
    takes = clause.whole.changed - SELECTORS - {"window"}
    bites = Outcome.NARROWS if takes else Outcome.PROHIBITS
    whole = bites if meant else Outcome.SILENT if same else Outcome.OTHER_ACTION
    yield Weighed(clause.rule, clause.action, True, None, whole)
    for (rule, part), stated in zip(clause.parts, clause.said, strict=True):
        if not same:
            outcome = Outcome.OTHER_ACTION
        elif part.changed & SELECTORS:
            outcome = Outcome.MET if _selects(part, asked, unstated=True) else Outcome.NOT_MET
        elif "window" in part.changed:
            outcome = Outcome.MET if _in_force(part, asked) else Outcome.NOT_IN_FORCE
        else:
            outcome = Outcome.NARROWS if meant else Outcome.SILENT
        yield Weighed(rule, clause.action, True, stated, outcome)


def _selects(part: Part, asked: Asked, *, unstated: bool) -> bool:
    """Whether purpose and recipient are among those meant; what is not said counts as that where
    ``unstated``."""
    kind = None if asked.kind is None else asked.kind.value
    pairs = (
        (asked.purpose, part.purposes),
        (asked.party, part.recipients),
        (kind, part.kinds),
    )
    return all((unstated and value is None) or among.admits(value) for value, among in pairs)


def _in_force(part: Part, asked: Asked) -> bool:
    start, end = part.window.start, part.window.end
    return (start is None or asked.at >= start) and (end is None or asked.at < end)
