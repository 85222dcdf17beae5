"""What fields are judged to be, with the evidence, and nothing of the values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanyu.catalogue import Sensitivity, judge_field, judge_fields
from quanyu.catalogue.probe.sensitivity import bank_card, identity_number

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def identity(body: str) -> str:
    rest = sum(int(c) * w for c, w in zip(body, WEIGHTS, strict=True)) % 11
    return body + "10X98765432"[rest]


PEOPLE = [identity(f"11010119900307{n:03d}") for n in range(100, 140)]
PHONES = [f"138{n:08d}" for n in range(40)]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("a", PEOPLE, Sensitivity.SENSITIVE),
        ("b", PHONES, Sensitivity.PERSONAL),
        ("c", [f"user{n}@example.org" for n in range(9)], Sensitivity.PERSONAL),
        ("d", [f"京A{n:05d}" for n in range(9)], Sensitivity.PERSONAL),
        ("姓名", ["王伟", "李娜", "张敏", "刘洋"], Sensitivity.PERSONAL),
        ("owner", ["王伟", "李娜", "张敏", "刘洋"], Sensitivity.PERSONAL),
        ("name", ["东城区", "西城区", "朝阳区", "海淀区"], Sensitivity.PUBLIC),
        ("password", ["x"], Sensitivity.SENSITIVE),
        ("家庭住址", ["人民路1号3单元402室"] * 4, Sensitivity.PERSONAL),
        ("height", [1.0, 2.0, 3.5, 4.0], Sensitivity.PUBLIC),
        ("count", list(range(20)), Sensitivity.PUBLIC),
        ("诊断结果", ["感冒"], Sensitivity.SENSITIVE),
        ("备注", [""], Sensitivity.INTERNAL),
        ("ip", ["10.0.0.1", "10.0.0.2", "192.168.1.9"], Sensitivity.PERSONAL),
        ("id_card", [], Sensitivity.SENSITIVE),
    ],
)
def test_judged(name: str, values: list[object], expected: Sensitivity) -> None:
    judged = judge_field(name, values)
    assert judged.sensitivity is expected, judged.why
    assert bool(judged.why) is (expected is not Sensitivity.PUBLIC)


def test_credit_codes_are_no_persons() -> None:
    code = "91350100M000100Y43"
    assert judge_field("code", [code] * 5).sensitivity is Sensitivity.PUBLIC


def test_reasons_hold_no_values() -> None:
    judged = judge_field("证件", PEOPLE)
    assert PEOPLE[0] not in repr(judged)
    assert judged.why[0]["params"]["share"] == 100  # type: ignore[index]


def test_exact_coordinates_beside_persons() -> None:
    fields = [("phone", "", PHONES), ("lon", "", [116.391234 + n / 1e6 for n in range(9)])]
    assert [one.sensitivity for one in judge_fields(fields)] == [
        Sensitivity.PERSONAL,
        Sensitivity.SENSITIVE,
    ]
    alone = judge_fields([("lon", "", [116.391234]), ("kind", "", ["a"])])
    assert all(one.sensitivity is Sensitivity.PUBLIC for one in alone)


@given(st.integers(0, 999), st.integers(0, 16), st.integers(1, 9))
def test_a_wrong_digit_is_seen(serial: int, place: int, step: int) -> None:
    good = identity(f"11010119900307{serial:03d}")
    assert identity_number(good)
    wrong = good[:place] + str((int(good[place]) + step) % 10) + good[place + 1 :]
    assert not identity_number(wrong)


@given(st.text("0123456789", min_size=13, max_size=13))
def test_luhn(body: str) -> None:
    found = [d for d in "0123456789" if bank_card(f"62{body}{d}")]
    assert len(found) == 1
