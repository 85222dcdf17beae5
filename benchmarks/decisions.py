"""Decisions of the gate's policies, beside casbin and Cedar on the same machine in the same run.

    .venv/bin/python benchmarks/decisions.py [--quick]

Ten thousand agreements, each between another party and another dataset, with a purpose, an end, two
columns and a quota; requests for all of them in turn, a quarter of them refused. Both peers hold
the same ten thousand rules in memory and answer yes or no; ours answers with the restriction. Rates
are of processor time of one thread. The peers are given fewer requests: theirs take long enough.

- *policies*: the compiled policy of the agreement asked, found by its parties, answers.
- *gate, known*: the whole gate, for what was decided within half a second.
- *gate, fresh*: the whole gate, reading resource and agreement from the control store.

Exit status 1 when a floor is missed, or when ours and a peer differ in any decision.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

import report
from quanyu.agreements import (
    Ask,
    Asked,
    Gate,
    Terms,
    approve,
    compile_policy,
    create_offer,
    parse_policy,
    request_agreement,
)
from quanyu.catalogue import Access, FieldMeaning, Kind, ResourceDraft, publish, register
from quanyu.kernel import LocalText, PartyId, Refused, create_control, load_settings
from quanyu.parties import Caller, PartyKind, Role, Scope, register_party

POLICIES = 10_000
FLOOR = 200_000
AT = datetime(2026, 6, 1, tzinfo=UTC)
END = "2027-01-01T00:00:00Z"
PURPOSES = ("research", "governance", "teaching", "industry")
KNOWN = ("name", "height", "owner")


def policy(number: int) -> dict[str, Any]:
    terms = [
        ("purpose", "eq", PURPOSES[number % 4]),
        ("dateTime", "lt", END),
        ("quanyu:columns", "isAnyOf", ["name", "height"]),
        ("quanyu:rowCount", "lteq", 1000),
    ]
    return {
        "@context": ["http://www.w3.org/ns/odrl.jsonld", {"quanyu": "urn:quanyu:ns:"}],
        "@type": "Offer",
        "permission": [
            {
                "action": "read",
                "constraint": [
                    {"leftOperand": left, "operator": operator, "rightOperand": right}
                    for left, operator, right in terms
                ],
            }
        ],
    }


def purpose(number: int) -> str:
    """The purpose that a request states: of every fourth one the wrong one."""
    return PURPOSES[(number + (number // 4 % 4 == 0)) % 4]


def rate(count: int, decide: Callable[[int], bool]) -> tuple[float, list[bool]]:
    """Decisions a second of processor time, and what they were."""
    began = time.process_time()
    said = [decide(number) for number in range(count)]
    return count / (time.process_time() - began), said


def policies() -> Callable[[int], bool]:
    compiled: list[Terms] = [compile_policy(parse_policy(policy(n))) for n in range(POLICIES)]
    by_parties = {(f"pty_{n}", f"data_{n}"): terms for n, terms in enumerate(compiled)}

    def decide(number: int) -> bool:
        at = number % POLICIES
        party = PartyId(f"pty_{at}")
        terms = by_parties[party, f"data_{at}"]
        try:
            terms.answer(Asked("odrl:read", AT, party, PartyKind.ENTERPRISE, purpose(at)), KNOWN)
        except Refused:
            return False
        return True

    return decide


def casbin() -> Callable[[int], bool]:
    from casbin import Enforcer
    from casbin.model import Model

    model = Model()
    model.load_model_from_text(
        "[request_definition]\nr = sub, obj, act, purpose, at\n"
        "[policy_definition]\np = sub, obj, act, purpose, end\n"
        "[policy_effect]\ne = some(where (p.eft == allow))\n"
        "[matchers]\nm = r.sub == p.sub && r.obj == p.obj && r.act == p.act"
        " && r.purpose == p.purpose && r.at < p.end\n"
    )
    enforcer = Enforcer(model)
    enforcer.add_policies(
        [[f"pty_{n}", f"data_{n}", "read", PURPOSES[n % 4], END] for n in range(POLICIES)]
    )

    def decide(number: int) -> bool:
        at = number % POLICIES
        return bool(
            enforcer.enforce(f"pty_{at}", f"data_{at}", "read", purpose(at), AT.isoformat())
        )

    return decide


def cedar() -> Callable[[int], bool]:
    import cedarpy

    text = "\n".join(
        f'permit(principal == Party::"pty_{n}", action == Action::"read",'
        f' resource == Data::"data_{n}") when {{ context.purpose == "{PURPOSES[n % 4]}"'
        f' && datetime(context.at) < datetime("{END}") }};'
        for n in range(POLICIES)
    )
    held = cedarpy.PolicySet.from_str(text)
    entities = cedarpy.Entities.from_json_str("[]")
    said = AT.strftime("%Y-%m-%dT%H:%M:%SZ")

    def decide(number: int) -> bool:
        at = number % POLICIES
        request = {
            "principal": f'Party::"pty_{at}"',
            "action": 'Action::"read"',
            "resource": f'Data::"data_{at}"',
            "context": {"purpose": purpose(at), "at": said},
        }
        return bool(cedarpy.is_authorized(request, held, entities).allowed)

    return decide


def of_a_gate(folder: Path, count: int) -> tuple[float, float]:
    """Rates of a whole gate over ``count`` agreements of one party: fresh and known."""
    control = create_control(load_settings(dir=folder))
    with control.begin() as session:
        provider = _caller(session, "Provider", Role.SUPPLIER)
        consumer = _caller(session, "Consumer", Role.CONSUMER)
        for number in range(count):
            made = register(session, _draft(f"data-{number}", provider), provider)
            publish(session, made.id, provider, reviewed=False)
            offer = create_offer(session, provider, made.slug, policy(number))
            asked = request_agreement(session, consumer, offer.id, statement="to plan")
            approve(session, provider, asked.id)
    gate = Gate(control)

    def decide(number: int) -> bool:
        at = number % count
        ask = Ask("features", "read", PURPOSES[at % 4])
        return gate.decide(consumer, f"data-{at}", ask) is not None

    fresh, _ = rate(count, decide)
    known, _ = rate(200 * count // 10, lambda number: decide(number % 10))
    gate.close()
    control.close()
    return fresh, known


def _caller(session: Session, name: str, role: Role) -> Caller:
    party = register_party(session, kind=PartyKind.ENTERPRISE, name=LocalText(zh=name, en=name))
    return Caller(
        party=party.id,
        member=None,
        kind=PartyKind.ENTERPRISE,
        name=name,
        roles=frozenset({role}),
        scopes=frozenset(Scope),
    )


def _draft(slug: str, provider: Caller) -> ResourceDraft:
    assert provider.party is not None
    return ResourceDraft(
        slug=slug,
        kind=Kind.DATASET,
        title=LocalText(zh=slug, en=slug),
        abstract=LocalText(zh=slug, en=slug),
        provider=provider.party,
        licence="by-agreement",
        access=Access.SHARED,
        fields=tuple(FieldMeaning(name, "string", LocalText(zh=name, en=name)) for name in KNOWN),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer requests")
    options = parser.parse_args()
    rows: list[Sequence[object]] = []
    decide = policies()
    rate(POLICIES, decide)
    ours, said = rate(POLICIES * (5 if options.quick else 20), decide)
    holds = ours >= FLOOR
    rows.append(("policies, 10,000", ours, 1.0, f"≥ {FLOOR:,}" + ("" if holds else " missed")))
    for name, make, count in (("casbin", casbin, 40), ("Cedar (cedarpy)", cedar, 100)):
        peer, answers = rate(count if options.quick else 2 * count, make())
        if answers != said[: len(answers)]:
            sys.exit(f"bench: {name} decides otherwise")
        rows.append((f"{name}, 10,000", peer, ours / peer, ""))
    with tempfile.TemporaryDirectory(prefix="quanyu-bench-") as folder:
        fresh, known = of_a_gate(Path(folder), 200 if options.quick else 1_000)
    rows.append(("gate, known", known, "", ""))
    rows.append(("gate, fresh", fresh, "", ""))
    report.table("Decisions", ("", "a second", "ours is × as fast", "floor"), rows)
    report.keep("decisions", [list(row) for row in rows])
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
