"""Where a request comes from: what is not established meets no condition."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from quanyu.agreements import Ask, Gate, Whence
from quanyu.kernel import Invalid, MemberId, Refused, TokenId

Write = Callable[..., dict[str, Any]]
HOME = Whence("10.1.2.3", secure=True, division="320583")


@pytest.mark.parametrize(
    ("left", "operator", "right", "meets", "fails"),
    [
        (
            "quanyu:network",
            "isAnyOf",
            ["10.0.0.0/8", "2001:db8::/32"],
            [HOME, Whence("2001:db8::7"), Whence("::ffff:10.0.0.1")],
            [Whence(), Whence("11.0.0.1"), Whence("fe80::1"), Whence("nonsense")],
        ),
        (
            "quanyu:division",
            "isPartOf",
            "3205",
            [HOME],
            [Whence(), Whence("10.1.2.3"), Whence("10.1.2.3", division="320")],
        ),
        ("quanyu:environment", "eq", "tls", [HOME], [Whence("10.1.2.3")]),
    ],
)
def test_a_place_that_is_not_known_is_not_the_place(  # noqa: PLR0917 - a case a row
    city: Any,
    policy: Write,
    term: Write,
    left: str,
    operator: str,
    right: Any,
    meets: list[Whence],
    fails: list[Whence],
) -> None:
    agreement = city.agree(policy(term(left, operator, right)))
    gate = Gate(city.store)
    for whence in [*meets, *fails, *meets]:
        ask = Ask("features", whence=whence)
        if whence in meets:
            assert gate.decide(city.consumer, "buildings", ask).agreement == agreement.id
            continue
        with pytest.raises(Refused) as error:
            gate.decide(city.consumer, "buildings", ask)
        assert error.value.rule == f"{agreement.id}#permission.1.constraint.1"
    gate.close()


def test_only_on_the_node(city: Any, policy: Write, term: Write) -> None:
    city.agree(policy(term("quanyu:environment", "eq", "node")))
    gate = Gate(city.store)
    for face in ("land", "compute", "statistics"):
        gate.decide(city.consumer, "buildings", Ask(face))
    for face in ("features", "tiles", "download", "3d", "sql"):
        with pytest.raises(Refused):
            gate.decide(city.consumer, "buildings", Ask(face))
    gate.close()


def test_only_through_a_named_connector(city: Any, policy: Write, term: Write) -> None:
    agreement = city.agree(policy(term("quanyu:connector", "isAnyOf", ["a.test", "b.test"])))
    names = {MemberId("mbr_a"): "a.test", MemberId("mbr_c"): "c.test"}
    gate = Gate(city.store, connector_of=lambda member: names.get(member, ""))
    # The one and then the others of its party: what one was given is not another's.
    for member, token, given in (
        ("mbr_a", "tok_1", True),
        ("mbr_c", "tok_2", False),
        ("mbr_d", "tok_3", False),
        ("mbr_a", None, False),
        (None, None, False),
        ("mbr_a", "tok_1", True),
    ):
        caller = replace(
            city.consumer,
            member=MemberId(member) if member else None,
            token=TokenId(token) if token else None,
        )
        for whence in (Whence(), Whence(connector="a.test")):
            ask = Ask("features", whence=whence)
            if given:
                assert gate.decide(caller, "buildings", ask).agreement == agreement.id
                assert gate.peek(caller, "buildings", ask) is not None
                continue
            assert gate.peek(caller, "buildings", ask) is None
            with pytest.raises(Refused) as error:
                gate.decide(caller, "buildings", ask)
            assert error.value.rule == f"{agreement.id}#permission.1.constraint.1"
    gate.close()
    # Where nobody says who is a peer, nobody is.
    alone = Gate(city.store)
    with pytest.raises(Refused):
        alone.decide(
            replace(city.consumer, member=MemberId("mbr_a"), token=TokenId("tok_1")),
            "buildings",
            Ask("features"),
        )
    alone.close()


@pytest.mark.parametrize(
    ("left", "operator", "right"),
    [
        ("quanyu:connector", "eq", ""),
        ("quanyu:connector", "isAnyOf", []),
        ("quanyu:connector", "isAnyOf", ["a.test", 7]),
        ("quanyu:network", "isAnyOf", ["10.0.0.1/8"]),
        ("quanyu:network", "isAnyOf", []),
        ("quanyu:network", "isAnyOf", [7]),
        ("quanyu:division", "isPartOf", "苏州"),
        ("quanyu:environment", "eq", "moon"),
    ],
)
def test_a_place_that_cannot_be_read_is_not_taken(  # noqa: PLR0917 - a case a row
    city: Any, policy: Write, term: Write, left: str, operator: str, right: Any
) -> None:
    with pytest.raises(Invalid):
        city.ask(policy(term(left, operator, right)))
