"""Notices: who is told, once, on the page; choices; reading."""

from datetime import UTC, datetime

import pytest

from quanyu.kernel import Invalid, LocalText, MemberId, Unauthenticated
from quanyu.parties import (
    ANONYMOUS,
    TOPICS,
    Choice,
    Mail,
    Role,
    choose_notices,
    deactivate,
    mark_read,
    notice_choices,
    notices_of,
    notify,
    unread_count,
)


def tell(town, key=None, **how):
    with town.store.begin() as session:
        return notify(
            session,
            to=town.department,
            topic=how.pop("topic", "application"),
            message="{name} has delegated roles to you until {until}",
            params={"name": how.pop("name", "Li"), "until": how.pop("until", "2026-10-01")},
            link="/account",
            key=key,
            **how,
        )


def inbox(town, member, **how):
    caller = town.caller(member.id)
    with town.store.read() as session:
        return notices_of(session, caller, **how)


def test_those_with_a_role_are_told(town) -> None:
    supplier = town.add("supplier", Role.SUPPLIER)
    reviewer = town.add("reviewer", Role.REVIEWER)
    other = town.add("other", Role.SUPPLIER, party=town.node)
    assert tell(town, roles=frozenset({Role.SUPPLIER, Role.STEWARD}))
    assert len(inbox(town, supplier).notices) == 1
    assert inbox(town, reviewer).notices == ()
    assert inbox(town, other).notices == ()


def test_everybody_or_named_members_are_told(town) -> None:
    a, b = town.add("a1", Role.SUPPLIER), town.add("b1", Role.CONSUMER)
    tell(town)
    tell(town, members=[b.id])
    tell(town, members=[b.id], roles=frozenset({Role.SUPPLIER}))
    assert len(inbox(town, a).notices) == 2
    assert len(inbox(town, b).notices) == 3


def test_the_same_key_is_said_once(town) -> None:
    member = town.add("a1", Role.SUPPLIER)
    assert tell(town, key="app_1.late")
    assert tell(town, key="app_1.late") is None
    assert tell(town, key="app_2.late")
    assert len(inbox(town, member).notices) == 2


def test_closed_accounts_are_not_told(town) -> None:
    member = town.add("a1", Role.SUPPLIER)
    with town.store.begin() as session:
        deactivate(session, member.id)
    tell(town)
    with town.store.read() as session:
        assert unread_count(session, member.id) == 0


def test_in_both_languages_with_bilingual_parameters(town) -> None:
    member = town.add("a1", Role.SUPPLIER)
    tell(town, name=LocalText(zh="李华", en="Li Hua"))
    (one,) = inbox(town, member).notices
    assert one.text("en", "Asia/Shanghai") == "Li Hua has delegated roles to you until 2026-10-01"
    assert "李华" in one.text("zh", "Asia/Shanghai")
    assert "委托" in one.text("zh", "Asia/Shanghai")


def test_instants_are_told_in_the_time_zone(town) -> None:
    member = town.add("a1", Role.SUPPLIER)
    tell(town, name="li", until=datetime(2026, 9, 30, 15, 59, 59, tzinfo=UTC))
    (one,) = inbox(town, member).notices
    assert one.text("en", "Asia/Shanghai").endswith("until 2026-09-30 23:59 UTC+8")
    assert one.text("en", "UTC").endswith("until 2026-09-30 15:59 UTC")


def test_read_and_unread_and_pages(town) -> None:
    member = town.add("a1", Role.SUPPLIER)
    caller = town.caller(member.id)
    ids = [tell(town, topic="review" if n % 2 else "search") for n in range(5)]
    with town.store.begin() as session:
        assert unread_count(session, member.id) == 5
        assert mark_read(session, caller, [ids[0], "ntc_other"]) == 1
        assert mark_read(session, caller, [ids[0]]) == 0
    first = inbox(town, member, limit=2)
    assert [one.id for one in first.notices] == ids[:2:-1]
    second = inbox(town, member, limit=2, after=first.after)
    assert [one.id for one in second.notices] == ids[2:0:-1]
    assert len(inbox(town, member, topic="review").notices) == 2
    assert len(inbox(town, member, unread=True).notices) == 4
    with town.store.begin() as session:
        assert mark_read(session, caller) == 4
        assert unread_count(session, member.id) == 0


def test_nobody_reads_anothers_notices(town) -> None:
    member, other = town.add("a1", Role.SUPPLIER), town.add("b1", Role.SUPPLIER)
    notice = tell(town, members=[member.id])
    with town.store.begin() as session:
        assert mark_read(session, town.caller(other.id), [notice]) == 0
        with pytest.raises(Unauthenticated):
            notices_of(session, ANONYMOUS)


def test_choices(town) -> None:
    member = town.add("a1", Role.SUPPLIER)
    with town.store.begin() as session:
        choose_notices(
            session,
            member.id,
            {"search": Choice(page=False, mail=Mail.NEVER), "security": Choice(page=False)},
        )
    tell(town, topic="search")
    tell(town, topic="security")
    assert [one.topic for one in inbox(town, member).notices] == ["security"]
    with town.store.begin() as session:
        said = notice_choices(session, member.id)
        assert set(said) == set(TOPICS)
        assert said["search"] == Choice(page=False, mail=Mail.NEVER)
        assert said["security"].page
        choose_notices(session, member.id, {"search": Choice()})
        assert notice_choices(session, member.id)["search"] == Choice()
        with pytest.raises(Invalid):
            choose_notices(session, member.id, {"nonsense": Choice()})


def test_wrong_topics_and_links_are_mistakes_of_the_program(town) -> None:
    with pytest.raises(ValueError, match="topic"):
        tell(town, topic="nonsense")
    with town.store.begin() as session, pytest.raises(ValueError, match="path"):
        notify(session, to=town.node, topic="node", message="m", params={}, link="//evil.example")


def test_a_notice_goes_with_its_transaction(town) -> None:
    member = town.add("a1", Role.SUPPLIER)

    def break_off() -> None:
        with town.store.begin() as session:
            notify(session, to=town.department, topic="node", message="m", params={}, link="/about")
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    with town.store.read() as session:
        assert unread_count(session, MemberId(member.id)) == 0
