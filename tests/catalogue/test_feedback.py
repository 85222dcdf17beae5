"""Discussions, corrections, reuses and change notices on both databases."""

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from sqlalchemy import select

from quanyu.catalogue import (
    CorrectionDraft,
    CorrectionState,
    Resource,
    ReuseState,
    amend,
    answer_correction,
    begin_discussion,
    close_correction,
    correction,
    correction_figures,
    corrections,
    decide_reuse,
    discussions,
    escalate_corrections,
    file_correction,
    follow,
    followed,
    follower_count,
    follows,
    hide_message,
    propose_reuse,
    reply,
    reuses,
    reuses_waiting,
    tell_changes,
    unfollow,
    withdraw_correction,
)
from quanyu.kernel import (
    Calendar,
    Conflict,
    Invalid,
    LocalText,
    NotFound,
    Owed,
    Refused,
    TooMany,
    Unauthenticated,
    now,
)
from quanyu.parties import (
    ANONYMOUS,
    Caller,
    Role,
    Scope,
    add_member,
    caller_of,
    notices_of,
    register_party,
)
from quanyu.parties import PartyKind as Kind

CALENDAR = Calendar()
HOSTILE = "<script>alert(1)</script>\n=cmd|' /C calc'!A0 \u202e '; DROP TABLE resource; --"


@pytest.fixture
def people(city) -> dict[str, Caller]:
    """Members of the parties of the city."""
    found = {}
    with city.store.begin() as session:
        somebody = register_party(session, kind=Kind.UNIVERSITY, name=LocalText(en="College"))
        for name, party, roles in (
            ("provider", city.housing, [Role.SUPPLIER]),
            ("reader", somebody, [Role.CONSUMER]),
            ("other", city.transport, [Role.CONSUMER]),
            ("node", city.node, [Role.STEWARD]),
        ):
            member = add_member(
                session, party.id, login=name, name=name, password=None, roles=roles
            )
            found[name] = caller_of(session, member.id)
    return found


def told(city, caller: Caller) -> list[str]:
    with city.store.read() as session:
        return [notice.text("en", "UTC") for notice in notices_of(session, caller).notices]


def kinds(city, prefix: str) -> list[str]:
    with city.store.read() as session:
        query = select(Owed.kind, Owed.body).where(Owed.kind.startswith(prefix))
        rows = session.execute(query.order_by(Owed.number)).all()
    for _, body in rows:
        text = orjson.loads(body)
        assert "reader" not in str(text), "no person may be named in the log"
        assert HOSTILE[:20] not in str(text)
    return [kind for kind, _ in rows]


def test_a_discussion(city, people) -> None:
    of = city.publish("buildings")
    with city.store.begin() as session:
        name = begin_discussion(session, of.id, people["reader"], title="Heights?", text=HOSTILE)
        answer = reply(session, name, people["provider"], text="In metres.")
    with city.store.read() as session:
        (thread,) = discussions(session, of.id, ANONYMOUS)
    assert [m.text for m in thread.messages] == [HOSTILE.replace("\r", ""), "In metres."]
    assert [m.official for m in thread.messages] == [False, True]
    assert not thread.messages[0].own
    with city.store.begin() as session:
        with pytest.raises(Unauthenticated):
            begin_discussion(session, of.id, ANONYMOUS, title="a", text="b")
        with pytest.raises(Invalid, match="missing"):
            reply(session, name, people["reader"], text="  \n ")
        with pytest.raises(Refused):
            hide_message(session, answer, people["other"], reason="no")
        reading = replace(people["reader"], scopes=frozenset({Scope.READ}))
        with pytest.raises(Refused):
            reply(session, name, reading, text="token")
        with pytest.raises(NotFound):
            reply(session, "dis_none\0", people["reader"], text="x")
        hide_message(session, name, people["provider"], reason="insults")
        with pytest.raises(Conflict, match="closed"):
            reply(session, name, people["reader"], text="again")
    with city.store.read() as session:
        (seen,) = discussions(session, of.id, ANONYMOUS)
        (judged,) = discussions(session, of.id, people["provider"])
    assert (seen.messages[0].text, seen.messages[0].hidden_reason) == ("", "insults")
    assert judged.messages[0].text == HOSTILE
    assert kinds(city, "discussion.") == [
        "discussion.begun", "discussion.replied", "discussion.hidden"
    ]  # fmt: skip
    assert any("was hidden: insults" in text for text in told(city, people["reader"]))
    assert any("new message" in text for text in told(city, people["provider"]))


def test_nobody_writes_without_end_nor_on_what_is_hidden(city, people) -> None:
    of, hidden = city.publish("buildings"), city.register("hidden")
    with city.store.begin() as session:
        for number in range(3):
            begin_discussion(
                session, of.id, people["reader"], title=f"t{number}", text="x", per_hour=3
            )
        with pytest.raises(TooMany):
            begin_discussion(session, of.id, people["reader"], title="t", text="x", per_hour=3)
        for call in (
            lambda: begin_discussion(session, hidden.id, people["reader"], title="a", text="b"),
            lambda: discussions(session, hidden.id, people["reader"]),
            lambda: reuses(session, hidden.id, people["reader"]),
            lambda: follow(session, hidden.id, people["reader"]),
            lambda: ask(session, hidden, people["reader"]),
        ):
            with pytest.raises(NotFound):
                call()


def ask(session, of: Resource, caller: Caller, **more) -> object:
    rules = {name: more.pop(name) for name in ("anonymous", "per_hour") if name in more}
    draft = CorrectionDraft(**{"wrong": "height is 3", "right": "30", "record": "b1", **more})
    return file_correction(session, of.id, draft, caller, calendar=CALENDAR, days=5, **rules)


def test_a_correction_is_accepted_and_made(city, people) -> None:
    of = city.publish("buildings")
    with city.store.begin() as session:
        filed = ask(session, of, people["reader"], evidence="https://example.org/proof")
        with pytest.raises(Refused):
            answer(session, filed, people["other"], accept=True)
    assert (filed.due_at - filed.at) > timedelta(days=5)
    with city.store.begin() as session:
        accepted = answer(session, filed, people["provider"], accept=True)
        with pytest.raises(Conflict):
            answer(session, filed, people["provider"], accept=False, answer="late")
    assert accepted.state is CorrectionState.ACCEPTED
    assert accepted.correct_by is not None
    with city.store.begin() as session:
        done = close_correction(
            session, filed.id, people["provider"], revision=accepted.revision, version=7
        )
    assert (done.state, done.done_version) == (CorrectionState.CORRECTED, 7)
    with city.store.read() as session:
        seen = correction(session, filed.id, ANONYMOUS)
        whole, mine = correction_figures(session, now())
    assert (seen.party, seen.own, seen.contact) == (people["reader"].party, False, "")
    assert (whole.filed, whole.corrected, whole.in_time, mine.provider) == (1, 1, 1, of.provider)
    assert kinds(city, "correction.") == [
        "correction.filed", "correction.accepted", "correction.corrected"
    ]  # fmt: skip
    assert len(told(city, people["reader"])) == 2


def answer(session, filed, caller: Caller, *, accept: bool, answer: str = "") -> object:
    return answer_correction(
        session,
        filed.id,
        caller,
        accept=accept,
        answer=answer,
        revision=filed.revision,
        calendar=CALENDAR,
        days=10,
    )


def test_a_correction_is_refused_only_with_a_reason(city, people) -> None:
    of = city.publish("buildings")
    with city.store.begin() as session:
        filed = ask(session, of, people["reader"])
        with pytest.raises(Invalid, match="missing"):
            answer(session, filed, people["provider"], accept=False)
        refused = answer(session, filed, people["node"], accept=False, answer="it is three")
    assert (refused.state, refused.answer) == (CorrectionState.REFUSED, "it is three")
    assert any("it is three" in text for text in told(city, people["reader"]))


def test_a_correction_is_escalated_once_a_stage(city, people) -> None:
    of = city.publish("buildings")
    with city.store.begin() as session:
        filed = ask(session, of, people["reader"])
        assert escalate_corrections(session) == 0
        late = filed.due_at + timedelta(seconds=1)
        assert escalate_corrections(session, at=late) == 1
        assert escalate_corrections(session, at=late) == 0
        page = corrections(session, people["node"], overdue_at=late)
    assert [one.id for one in page.items] == [filed.id]
    assert page.items[0].overdue(late)
    with city.store.begin() as session:
        accepted = answer(session, filed, people["provider"], accept=True)
        later = accepted.correct_by + timedelta(seconds=1)
        assert escalate_corrections(session, at=later) == 1
        assert escalate_corrections(session, at=later) == 0
    assert sum("overdue" in text for text in told(city, people["node"])) == 2


def test_strangers_may_ask_where_the_node_lets_them(city, people) -> None:
    of = city.publish("buildings")
    with city.store.begin() as session:
        with pytest.raises(Unauthenticated):
            ask(session, of, ANONYMOUS, contact="me@example.org")
        with pytest.raises(Invalid, match="address"):
            ask(session, of, ANONYMOUS, anonymous=True)
        filed = ask(session, of, ANONYMOUS, contact="me@example.org", anonymous=True)
        with pytest.raises(TooMany):
            ask(session, of, ANONYMOUS, contact="x", anonymous=True, per_hour=1)
        seen = correction(session, filed.id, people["other"])
        desk = correction(session, filed.id, people["provider"])
        assert (seen.contact, desk.contact) == ("", "me@example.org")
        refused = answer(session, filed, people["provider"], accept=False, answer="no")
        # Nobody needs to know it any longer.
        assert refused.contact == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("evidence", "javascript:alert(1)"),
        ("evidence", "ftp://example.org/x"),
        ("wrong", ""),
        ("wrong", "x" * 5_001),
        ("right", "a\x00b"),
        ("version", 0),
    ],
)
def test_bad_corrections_name_the_field(city, people, field: str, value: object) -> None:
    of = city.publish("buildings")
    with city.store.begin() as session, pytest.raises(Invalid) as caught:
        ask(session, of, people["reader"], **{field: value})
    assert caught.value.field == field


def test_only_who_asked_takes_it_back(city, people) -> None:
    of = city.publish("buildings")
    with city.store.begin() as session:
        filed = ask(session, of, people["reader"])
        with pytest.raises(Conflict):
            withdraw_correction(session, filed.id, people["other"], revision=1)
        back = withdraw_correction(session, filed.id, people["reader"], revision=1)
    assert back.state is CorrectionState.WITHDRAWN


def test_a_list_of_corrections_goes_page_by_page(city, people) -> None:
    of = city.publish("buildings")
    with city.store.begin() as session:
        names = [ask(session, of, people["reader"]).id for _ in range(5)]
        seen, after = [], None
        while True:
            page = corrections(session, ANONYMOUS, resource_id=of.id, limit=2, after=after)
            seen += [one.id for one in page.items]
            after = page.next
            if after is None:
                break
        assert seen == names[::-1]
        with pytest.raises(Invalid):
            corrections(session, ANONYMOUS, after="x")
        assert len(corrections(session, people["reader"], mine=True).items) == 5
        assert corrections(session, people["other"], mine=True).items == ()


def test_reuses_are_looked_at_before_they_are_shown(city, people) -> None:
    of = city.publish("buildings")
    with city.store.begin() as session:
        for bad in ("javascript:alert(1)", "data:text/html,x", "http://", "/x"):
            with pytest.raises(Invalid) as caught:
                propose_reuse(session, of.id, people["reader"], title="x", url=bad, kind="research")
            assert caught.value.field == "url"
        made = propose_reuse(
            session,
            of.id,
            people["reader"],
            title="A map",
            url="https://example.org/map",
            kind="application",
        )
        assert reuses(session, of.id, ANONYMOUS) == []
        assert [one.id for one in reuses(session, of.id, people["reader"])] == [made.id]
        assert [one.id for one in reuses_waiting(session, people["provider"])] == [made.id]
        with pytest.raises(Refused):
            decide_reuse(session, made.id, people["other"], show=True)
        shown = decide_reuse(session, made.id, people["provider"], show=True)
        assert shown.state is ReuseState.SHOWN
        assert len(reuses(session, of.id, ANONYMOUS)) == 1
        with pytest.raises(Invalid):
            decide_reuse(session, made.id, people["provider"], show=False)
        decide_reuse(session, made.id, people["provider"], show=False, reason="it is gone")
        assert reuses(session, of.id, ANONYMOUS) == []
    assert kinds(city, "reuse.") == ["reuse.proposed", "reuse.shown", "reuse.refused"]


def test_those_who_use_and_follow_hear_of_changes(city, people) -> None:
    of = city.publish("buildings")

    def users(_session, _resource):
        return [people["other"].party]

    with city.store.begin() as session:
        follow(session, of.id, people["reader"])
        follow(session, of.id, people["reader"])
        assert follower_count(session, of.id) == 1
        assert follows(session, of.id, people["reader"])
        assert followed(session, people["reader"]) == [of.id]
    assert tell_changes(city.store, users) == 0
    with city.store.begin() as session:
        changed = amend(
            session, of.id, replace(of, version="2"), people["node"], revision=of.revision
        )
        amend(
            session,
            of.id,
            replace(changed, keywords=("a",)),
            people["node"],
            revision=changed.revision,
        )
    assert tell_changes(city.store, users) == 2
    assert tell_changes(city.store, users) == 0
    for who in ("reader", "other"):
        assert told(city, people[who]) == ["New data: “Buildings”, version 2"]
    assert told(city, people["provider"]) == []
    with city.store.begin() as session:
        unfollow(session, of.id, people["reader"])
        assert not follows(session, of.id, people["reader"])
