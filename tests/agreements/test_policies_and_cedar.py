"""The policy compiler decides as Cedar does (AWS's authorisation language, in Rust).

Random policies are written twice, in ODRL and in Cedar, from one description; random requests are
decided by both. Cedar knows nothing of how ours is compiled: what it is told is the algebra of
``docs/reference/policy-terms.md`` in its own words.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import cedarpy

from quanyu.agreements import Asked, compile_policy, parse_policy
from quanyu.kernel import Invalid, PartyId, Refused
from quanyu.parties import PartyKind

PAIRS = 10_000
REQUESTS = 25
START = datetime(2026, 1, 1, tzinfo=UTC)
PURPOSES = ("research", "governance", "industry", "teaching")
PARTIES = ("pty_1", "pty_2", "pty_3")
KINDS = ("university", "enterprise", "department")
ACTIONS = ("use", "read", "display", "reproduce", "aggregate")
PARENTS = {"use": [], "read": ["use"], "display": ["use"], "reproduce": ["use"]} | {
    "aggregate": ["use"]
}
SETS = (("isAnyOf", True), ("isNoneOf", False), ("eq", True), ("neq", False))


@dataclass(frozen=True)
class Clause:
    """A rule: its action, sets it selects by (operand, operator, values), window, what it hides."""

    action: str
    selects: tuple[tuple[str, str, tuple[str, ...]], ...]
    start: int | None
    end: int | None
    hides: bool


def clause(dice: random.Random, *, prohibits: bool, like: Clause | None) -> Clause:
    if like is not None and dice.random() < 0.7:
        # Two permissions that overlap must select alike, or the policy is not taken.
        selects = like.selects
    else:
        selects = tuple(selected(dice, operand) for operand in operands(dice))
    start, end = dice.choice([(None, None), (None, 60), (30, None), (20, 70), (None, None)])
    return Clause(
        action=dice.choice(ACTIONS),
        selects=selects,
        start=start,
        end=end,
        hides=prohibits and dice.random() < 0.3,
    )


def operands(dice: random.Random) -> list[str]:
    return [one for one in ("purpose", "recipient", "kind") if dice.random() < 0.35]


def selected(dice: random.Random, operand: str) -> tuple[str, str, tuple[str, ...]]:
    if operand == "kind":
        return "kind", "isA", tuple(dice.sample(KINDS, dice.randint(1, 2)))
    known = PURPOSES if operand == "purpose" else PARTIES
    operator, _ = dice.choice(SETS)
    count = 1 if operator in ("eq", "neq") else dice.randint(1, 2)
    return operand, operator, tuple(dice.sample(known, count))


def odrl(permissions: list[Clause], prohibitions: list[Clause]) -> dict[str, Any]:
    def said(one: Clause) -> dict[str, Any]:
        found = [
            {
                "leftOperand": "recipient" if operand == "kind" else operand,
                "operator": operator,
                "rightOperand": list(values),
            }
            for operand, operator, values in one.selects
        ]
        for operator, at in (("gteq", one.start), ("lt", one.end)):
            if at is not None:
                moment = (START + timedelta(minutes=at)).isoformat()
                found.append(
                    {"leftOperand": "dateTime", "operator": operator, "rightOperand": moment}
                )
        if one.hides:
            found.append(
                {"leftOperand": "quanyu:columns", "operator": "isAnyOf", "rightOperand": ["a"]}
            )
        return {"action": one.action, "constraint": found}

    return {
        "@context": ["http://www.w3.org/ns/odrl.jsonld", {"quanyu": "urn:quanyu:ns:"}],
        "@type": "Set",
        "permission": [said(one) for one in permissions],
        "prohibition": [said(one) for one in prohibitions],
    }


def cedar(permissions: list[Clause], prohibitions: list[Clause]) -> str:
    lines = []
    for one in permissions:
        # Who may read rows may add them up.
        named = [one.action, "aggregate"] if one.action == "read" else [one.action]
        scope = f"principal, action in [{', '.join(map(action_uid, named))}], resource"
        selects = selecting(one, unstated=False)
        lines.append(f"permit({scope}) when {{ {selects} }};")
        # A permission that is meant must be in force, whatever others give.
        lines.append(f"forbid({scope}) when {{ {selects} && !({in_force(one)}) }};")
    for one in prohibitions:
        if not one.hides:
            scope = f"principal, action in [{action_uid(one.action)}], resource"
            selects = selecting(one, unstated=True)
            lines.append(f"forbid({scope}) when {{ {selects} && {in_force(one)} }};")
    return "\n".join(lines)


def action_uid(name: str) -> str:
    return f'Action::"{name}"'


def selecting(one: Clause, *, unstated: bool) -> str:
    parts = ["true"]
    for operand, operator, values in one.selects:
        listed = ", ".join(f'"{value}"' for value in values)
        inside = f"[{listed}].contains(context.{operand})"
        holds = inside if operator in ("eq", "isAnyOf", "isA") else f"!{inside}"
        if unstated:
            parts.append(f"(!(context has {operand}) || {holds})")
        else:
            parts.append(f"(context has {operand} && {holds})")
    return " && ".join(parts)


def in_force(one: Clause) -> str:
    parts = ["true"]
    if one.start is not None:
        parts.append(f"context.at >= {one.start}")
    if one.end is not None:
        parts.append(f"context.at < {one.end}")
    return " && ".join(parts)


def asked(dice: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = {"action": dice.choice(ACTIONS), "at": dice.choice((0, 20, 30, 60, 99))}
    for name, known in (("purpose", PURPOSES), ("recipient", PARTIES), ("kind", KINDS)):
        if dice.random() < 0.85:
            found[name] = dice.choice(known)
    return found


def ours(terms: Any, request: dict[str, Any]) -> bool:
    kind = request.get("kind")
    try:
        terms.answer(
            Asked(
                action=f"odrl:{request['action']}",
                at=START + timedelta(minutes=request["at"]),
                party=PartyId(request["recipient"]) if "recipient" in request else None,
                kind=PartyKind(kind) if kind else None,
                purpose=request.get("purpose"),
            )
        )
    except Refused:
        return False
    return True


def theirs(policy: str, requests: list[dict[str, Any]]) -> list[bool]:
    entities = [
        {
            "uid": {"type": "Action", "id": name},
            "attrs": {},
            "parents": [{"type": "Action", "id": parent} for parent in parents],
        }
        for name, parents in PARENTS.items()
    ]
    sent = [
        {
            "principal": 'User::"caller"',
            "action": action_uid(one["action"]),
            "resource": 'Data::"data"',
            "context": {name: value for name, value in one.items() if name != "action"},
        }
        for one in requests
    ]
    answers = cedarpy.is_authorized_batch(sent, policy, entities)
    assert not any(answer.diagnostics.errors for answer in answers)
    return [answer.allowed for answer in answers]


def test_random_policies_are_decided_as_cedar_decides_them() -> None:
    dice = random.Random(20260)
    compared = allowed = 0
    while compared < PAIRS:
        first = clause(dice, prohibits=False, like=None)
        permissions = [first]
        permissions += [
            clause(dice, prohibits=False, like=first) for _ in range(dice.randint(0, 2))
        ]
        prohibitions = [clause(dice, prohibits=True, like=None) for _ in range(dice.randint(0, 2))]
        try:
            terms = compile_policy(parse_policy(odrl(permissions, prohibitions)))
        except Invalid as error:
            assert error.rule == "policy.ambiguous"  # noqa: PT017 - not each fails
            continue
        requests = [asked(dice) for _ in range(REQUESTS)]
        for request, said in zip(
            requests, theirs(cedar(permissions, prohibitions), requests), strict=True
        ):
            assert ours(terms, request) == said, (permissions, prohibitions, request)
            allowed += said
        compared += REQUESTS
    # Neither side may agree by always saying the same.
    assert 0.1 < allowed / compared < 0.9
