"""What is owed: kept from the signing, reminded of, chased, confirmed with evidence."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from quanyu.agreements import (
    chase_obligations,
    confirm_obligation,
    end,
    obligations_of,
)
from quanyu.agreements.tables import ObligationRow
from quanyu.kernel import Conflict, Invalid, NotFound, Refused, now
from quanyu.parties.notices.tables import NoticeRow

Write = Callable[..., dict[str, Any]]


def owing(city: Any, policy: Write, term: Write, *duties: dict[str, Any]) -> str:
    return str(city.agree(policy(obligation=list(duties))).id)


def by(term: Write, action: str, days: float) -> dict[str, Any]:
    moment = (now() + timedelta(days=days)).isoformat()
    return {"action": action, "constraint": [term("dateTime", "lteq", moment)]}


def test_a_deletion_from_signing_to_confirmation(city: Any, policy: Write, term: Write) -> None:
    name = owing(city, policy, term, by(term, "delete", 3), {"action": "attribute"})
    with city.store.read() as session:
        (one,) = obligations_of(session, city.provider, name)
    assert (one.action, one.confirmed_at) == ("odrl:delete", None)
    assert not one.overdue_at(now())
    assert one.overdue_at(now() + timedelta(days=4))
    # Three days before the day it is due, the reminder is due already; and it goes out once.
    assert (chase_obligations(city.store), chase_obligations(city.store)) == (1, 0)
    with city.store.begin() as session:
        row = session.get_one(ObligationRow, (name, one.rule))
        row.due = row.next_at = now() - timedelta(hours=1)
    assert (chase_obligations(city.store), chase_obligations(city.store)) == (1, 0)
    for wrong, error in (
        (city.provider, Refused),
        (city.university, NotFound),
    ):
        with city.store.begin() as session, pytest.raises(error):
            confirm_obligation(session, wrong, name, one.rule, evidence="done")
    with city.store.begin() as session:
        with pytest.raises(Invalid):
            confirm_obligation(session, city.consumer, name, one.rule, evidence=" ")
        with pytest.raises(NotFound):
            confirm_obligation(session, city.consumer, name, "nothing", evidence="done")
        done = confirm_obligation(
            session, city.consumer, name, one.rule, evidence="wiped, record 17"
        )
        assert done.confirmed_at is not None
        with pytest.raises(Conflict):
            confirm_obligation(session, city.consumer, name, one.rule, evidence="again")
    assert chase_obligations(city.store) == 0


def test_the_end_of_an_agreement_makes_its_deletion_due(
    city: Any, policy: Write, term: Write
) -> None:
    name = owing(city, policy, term, {"action": "delete"}, {"action": "inform"})
    assert chase_obligations(city.store) == 0
    with city.store.begin() as session:
        end(session, city.provider, name, reason="over")
    with city.store.read() as session:
        found = {one.action: one for one in obligations_of(session, city.consumer, name)}
    assert found["odrl:delete"].due is not None
    assert found["odrl:inform"].due is None
    assert chase_obligations(city.store) == 1


def test_what_is_overdue_is_chased_again(city: Any, policy: Write, term: Write) -> None:
    name = owing(city, policy, term, by(term, "delete", 0.00001))
    chase_obligations(city.store)
    with city.store.read() as session:
        rule = session.scalars(select(ObligationRow.rule)).one()
    with city.store.begin() as session:
        session.get_one(ObligationRow, (name, rule)).next_at = now() - timedelta(seconds=1)
    assert chase_obligations(city.store) == 1
    with city.store.read() as session:
        links = session.scalars(select(NoticeRow.link)).all()
    assert all(link == f"/agreements/{name}" for link in links if link)
