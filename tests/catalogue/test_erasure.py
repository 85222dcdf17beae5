"""What the catalogue forgets with a member's account."""

from dataclasses import replace

from quanyu.catalogue import (
    CorrectionDraft,
    Search,
    corrections,
    file_correction,
    follow,
    followed,
    forget_member,
    save_search,
    saved_searches,
)
from quanyu.kernel import Calendar, MemberId


def test_a_member_is_forgotten_but_what_it_asked_stays(city) -> None:
    entry = city.publish("trees")
    reader = replace(city.stranger, member=MemberId("mbr_01J00000000000000000000000"))
    other = replace(city.stranger, member=MemberId("mbr_01J00000000000000000000001"))
    said = CorrectionDraft(wrong="12 m", right="21 m", contact="13800000000")
    with city.store.begin() as session:
        for caller in (reader, other):
            save_search(session, Search(q="trees"), caller, name="mine")
            follow(session, entry.id, caller)
        file_correction(session, entry.id, said, reader, calendar=Calendar(), days=10)
    with city.store.begin() as session:
        forget_member(session, reader.member)
        forget_member(session, reader.member)
    with city.store.read() as session:
        assert saved_searches(session, reader) == []
        assert followed(session, reader) == []
        assert len(saved_searches(session, other)) == 1
        assert followed(session, other) == [entry.id]
        (asked,) = corrections(session, city.operator).items
        assert asked.wrong == "12 m"
        assert asked.contact == ""
