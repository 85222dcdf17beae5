"""The ODRL information model, typed: policies, rules, constraints.

Names are compact (see :mod:`quanyu.agreements.vocabulary`). The model can hold more than this node
enforces; what it cannot enforce is refused when a policy is compiled.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias


class PolicyType(StrEnum):
    """Kinds of policy: stated (Set), put forward (Offer), signed by both sides (Agreement)."""

    SET = "Set"
    OFFER = "Offer"
    AGREEMENT = "Agreement"


@dataclass(frozen=True, slots=True)
class Constraint:
    """``left operator right``: ``right`` is plain JSON, ``unit`` such as ``quanyu:perDay``."""

    left: str
    operator: str
    right: Any
    unit: str | None = None
    uid: str | None = None


@dataclass(frozen=True, slots=True)
class Logical:
    """Constraints joined by ``odrl:and``, ``odrl:or``, ``odrl:xone`` or ``odrl:andSequence``."""

    operator: str
    operands: tuple["Condition", ...]
    uid: str | None = None


Condition: TypeAlias = Constraint | Logical


@dataclass(frozen=True, slots=True)
class Rule:
    """A permission, a prohibition or a duty: which one, its place in the policy says.

    ``refinements`` narrow the action, ``constraints`` the rule; ``duties`` belong to a permission.
    """

    action: str
    constraints: tuple[Condition, ...] = ()
    refinements: tuple[Condition, ...] = ()
    duties: tuple["Rule", ...] = ()
    target: str | None = None
    assigner: str | None = None
    assignee: str | None = None
    uid: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """An ODRL policy 策略. ``timestamp`` is when an agreement was signed (RFC 3339)."""

    type: PolicyType
    uid: str | None = None
    permissions: tuple[Rule, ...] = ()
    prohibitions: tuple[Rule, ...] = ()
    obligations: tuple[Rule, ...] = ()
    target: str | None = None
    assigner: str | None = None
    assignee: str | None = None
    profiles: tuple[str, ...] = ()
    timestamp: str | None = None
