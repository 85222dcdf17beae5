"""Applications through the pages: applied for, reviewed, publicised, objected to, registered."""

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any
from uuid import uuid4

import httpx
import pytest
from town import Town

from quanyu.catalogue import (
    Access,
    ApplicationKind,
    Contact,
    Kind,
    Registration,
    ResourceDraft,
    Tick,
    accept_application,
    apply,
    approve_application,
    items_for,
    resource,
    save_draft,
    submit_application,
)
from quanyu.kernel import LocalText

SignedIn = Callable[[str], httpx.Client]
RULES = Registration()
SCRIPT = "<script>alert(1)</script>"
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_REVISION = re.compile(r'name="revision" value="([^"]+)"')


def token(page: str) -> str:
    found = _TOKEN.search(page)
    assert found
    return found[1]


def revision(page: str) -> str:
    found = _REVISION.search(page)
    assert found
    return found[1]


class Counter:
    """Things to apply for."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.made = 0

    def write(self, do: Callable[..., Any], *args: Any, **rest: Any) -> Any:
        control = self.town.control()
        with control.begin() as session:
            done = do(session, *args, **rest)
        control.close()
        return done

    def draft(self, **rest: Any) -> ResourceDraft:
        self.made += 1
        said = ResourceDraft(
            slug=f"plan-{uuid4().hex}",
            kind=Kind.DATASET,
            title=LocalText(zh=f"规划 {self.made}", en=f"Plan {self.made} {SCRIPT}"),
            abstract=LocalText(en=f"About {SCRIPT}"),
            provider=self.town.callers["provider"].party,  # type: ignore[arg-type]
            licence="CC-BY-4.0",
            access=Access.OPEN,
            contact=Contact("Office"),
        )
        return replace(said, **rest)

    def submitted(self) -> Any:
        caller = self.town.callers["provider"]
        entry = self.write(save_draft, self.draft(), caller)
        made = self.write(apply, entry.id, ApplicationKind.FIRST, caller, reason=SCRIPT)
        return self.write(submit_application, made.id, caller, RULES)

    def publicised(self) -> Any:
        one, by = self.submitted(), self.town.callers["node"]
        self.write(accept_application, one.id, by, RULES)
        ticks = {item.id: Tick(True) for item in items_for(one.kind, RULES.checklist)}
        return self.write(approve_application, one.id, by, RULES, checklist=ticks)


@pytest.fixture
def counter(city: Town) -> Counter:
    return Counter(city)


def test_strangers_see_no_applications(
    counter: Counter, reader: httpx.Client, signed_in: SignedIn
) -> None:
    one = counter.submitted()
    pages = ("/applications", f"/applications/{one.id}", "/review", f"/resources/{one.slug}/edit",
             f"/applications/new/{one.slug}")  # fmt: skip
    for path in pages:
        assert reader.get(path).status_code == 401
        assert reader.post(path, data={"step": "accept"}).status_code in {401, 405}
    stranger = signed_in("stranger")
    assert "Plan" not in stranger.get("/applications").text
    assert stranger.get(f"/applications/{one.id}").status_code == 404
    assert stranger.get("/review").status_code == 403
    assert stranger.get(f"/resources/{one.slug}/edit").status_code == 404
    assert stranger.get("/resources/trees/edit").status_code == 403
    assert reader.get(f"/publicity/{one.id}").status_code == 404


def test_reviewed_through_the_pages(counter: Counter, signed_in: SignedIn) -> None:
    one = counter.submitted()
    node, path = signed_in("node"), f"/applications/{one.id}"
    page = node.get(path).text
    assert SCRIPT not in page
    form = {"csrf_token": token(page), "revision": revision(page), "step": "accept"}
    page = node.post(path, data=form).text
    stale = node.post(path, data=form)
    assert stale.status_code == 409
    items = {f"check/{item.id}": "yes" for item in items_for(one.kind, RULES.checklist)}
    form = {"csrf_token": token(page), "revision": revision(page), "step": "approve"}
    lacking = node.post(path, data=form | {"reason": "typed before"})
    assert lacking.status_code == 400
    assert "typed before" in lacking.text
    done = node.post(path, data=form | items)
    assert done.status_code == 200
    twin = node.get(path, params={"f": "json"}).json()
    assert twin["item"]["state"] == "publicised"
    assert [one["move"] for one in twin["history"]][-1] == "publicised"
    assert one.id in node.get("/publicity").text


def test_returned_mended_and_sent_again(counter: Counter, signed_in: SignedIn) -> None:
    one = counter.submitted()
    node, path = signed_in("node"), f"/applications/{one.id}"
    page = node.get(path).text
    form = {"csrf_token": token(page), "revision": revision(page), "step": "return"}
    assert node.post(path, data=form).status_code == 400
    said = {"reason": f"mend it {SCRIPT}", "on/abstract": "until when?"}
    assert node.post(path, data=form | said).status_code == 200
    client, edit = signed_in("provider"), f"/resources/{one.slug}/edit"
    page = client.get(edit).text
    assert "until when?" in page
    sent = fields(page) | {"abstract_en": "Until 2026", "step": "submit"}
    answer = client.post(edit, data=sent)
    assert answer.url.path == path
    assert client.get(path, params={"f": "json"}).json()["item"]["state"] == "submitted"
    assert SCRIPT not in client.get(path).text


def fields(page: str) -> dict[str, Any]:
    """What a browser would send of the form for editing."""
    said: dict[str, Any] = {}
    for name, value in re.findall(r'<input[^>]*name="(\w+)"[^>]*?value="([^"]*)"', page):
        if not name.startswith(("field_", "themes", "kind")):
            said[name] = unescape(value)
    for name, value in re.findall(r'<textarea[^>]*name="(\w+)"[^>]*>([^<]*)</textarea>', page):
        said[name] = unescape(value)
    for name in ("access", "licence", "grade", "source", "update_cycle"):
        box = re.search(rf'<select id="{name}".*?</select>', page, re.DOTALL)
        assert box
        chosen = re.search(r'value="([^"]*)" selected', box[0])
        said[name] = chosen[1] if chosen else ""
    for name in ("name", "type", "unit", "zh", "en"):
        inputs = re.findall(rf'<input name="field_{name}"[^>]*>', page)
        values = [re.search(r' value="([^"]*)"', one) for one in inputs]
        said[f"field_{name}"] = [unescape(one[1]) for one in values if one]
    boxes = re.findall(r'<select name="field_sensitivity".*?</select>', page, re.DOTALL)
    chosen_ones = [re.search(r'value="([^"]*)" selected', box) for box in boxes]
    said["field_sensitivity"] = [one[1] for one in chosen_ones if one]
    people = re.findall(r'<select name="field_person".*?</select>', page, re.DOTALL)
    said["field_person"] = ["yes" if "selected" in one else "" for one in people]
    said["themes"] = re.findall(r'name="themes" value="([^"]*)" checked', page)
    return said


def test_two_people_edit_one_draft(counter: Counter, signed_in: SignedIn) -> None:
    entry = counter.write(save_draft, counter.draft(), counter.town.callers["provider"])
    edit = f"/resources/{entry.slug}/edit"
    one, two = signed_in("provider"), signed_in("provider")
    mine, theirs = fields(one.get(edit).text), fields(two.get(edit).text)
    assert two.post(edit, data=theirs | {"title_en": "Theirs", "step": "save"}).status_code == 200
    answer = one.post(edit, data=mine | {"keywords": "typed by me", "step": "save"})
    assert answer.status_code == 409
    assert "typed by me" in answer.text
    assert "Theirs" in answer.text
    again = fields(answer.text) | {"step": "save"}
    assert one.post(edit, data=again).status_code == 200
    control = counter.town.control()
    with control.read() as session:
        known = resource(session, entry.slug)
    control.close()
    assert (known.title.en, known.keywords) == ("Theirs", ("typed by me",))


def test_what_is_typed_stays_when_it_is_wrong(counter: Counter, signed_in: SignedIn) -> None:
    entry = counter.write(save_draft, counter.draft(), counter.town.callers["provider"])
    client, edit = signed_in("provider"), f"/resources/{entry.slug}/edit"
    form = fields(client.get(edit).text)
    for wrong, kept in (
        ({"title_zh": "", "title_en": "", "abstract_en": "kept words"}, "kept words"),
        ({"west": "far"}, "far"),
        ({"contact_email": "no mail"}, "no mail"),
        ({"lineage": "nothing-there"}, "nothing-there"),
        ({"begin": "soon", "attribution": "kept too"}, "kept too"),
        ({"licence": "mine"}, "mine"),
    ):
        answer = client.post(edit, data=form | wrong | {"step": "save"})
        assert answer.status_code == 400, wrong
        assert kept in answer.text
    lost = {name: value for name, value in form.items() if name != "csrf_token"}
    assert client.post(edit, data=lost).status_code == 403
    assert client.post(edit, data=form | {"was": "{" * 9000, "revision": "e0"}).status_code == 409
    assert client.post(edit, data=form | {"step": "explode"}).status_code == 400


def test_a_change_of_what_is_public_waits(city: Town, signed_in: SignedIn) -> None:
    client = signed_in("provider")
    page = client.get("/resources/secrets/edit").text
    form = fields(page) | {"title_en": "More secrets", "reason": "they grew", "step": "submit"}
    answer = client.post("/resources/secrets/edit", data=form | {"kind": "change"})
    assert answer.url.path.startswith("/applications/app_")
    twin = client.get(answer.url.path, params={"f": "json"}).json()
    assert [one["field"] for one in twin["changes"]] == ["title"]
    assert "More secrets" not in client.get("/resources/secrets").text
    locked = client.get("/resources/secrets/edit").text
    assert "on its way" in locked
    form = {"csrf_token": token(client.get(answer.url.path).text), "step": "recall"}
    form["revision"] = revision(client.get(answer.url.path).text)
    assert client.post(answer.url.path, data=form).status_code == 200


def test_the_node_puts_its_word_in_force_at_once(counter: Counter, signed_in: SignedIn) -> None:
    entry = counter.write(save_draft, counter.draft(), counter.town.callers["provider"])
    client, edit = signed_in("node"), f"/resources/{entry.slug}/edit"
    answer = client.post(edit, data=fields(client.get(edit).text) | {"step": "publish"})
    assert answer.url.path == f"/resources/{entry.slug}"
    assert "published" in client.get(f"/resources/{entry.slug}", params={"f": "json"}).text
    supplier = signed_in("provider")
    form = fields(supplier.get(edit).text) | {"title_en": "Other", "step": "publish"}
    assert supplier.post(edit, data=form).status_code == 403


def test_many_at_once_in_the_inbox(counter: Counter, signed_in: SignedIn) -> None:
    made = [counter.submitted() for _ in range(3)]
    node = signed_in("node")
    page = node.get("/review").text
    assert all(one.id in page for one in made)
    ids = [f"{one.id}:{one.revision}" for one in made[:2]] + [f"{made[2].id}:999", "app_none:1"]
    sent = {"csrf_token": token(page), "step": "accept", "id": ids}
    answer = node.post("/review", data=sent, params={"f": "json"}).json()
    assert [one["done"] for one in answer["outcomes"]] == [True, True, False, False]
    sent = {"csrf_token": token(page), "step": "approve", "id": ids[:1]}
    assert "checklist" in node.post("/review", data=sent).text
    for wrong in ({"id": []}, {"step": "explode"}):
        assert node.post("/review", data=sent | wrong).status_code == 400
    assert node.post("/review", data={"step": "accept", "id": ids}).status_code == 403
    assert made[2].id in node.get("/review", params={"state": "submitted", "sort": "newest"}).text
    assert node.get("/review", params={"sort": "wrong"}).status_code == 400
    assert node.get("/review", params={"after": "wrong"}).status_code == 400


def test_anybody_objects_and_reads_the_answer(
    counter: Counter, reader: httpx.Client, signed_in: SignedIn
) -> None:
    one = counter.publicised()
    path = f"/publicity/{one.id}"
    assert SCRIPT not in reader.get(path).text
    assert reader.post(path, data={"text": "no contact"}).status_code == 400
    assert reader.post(path, data={"text": "x" * 2001, "contact": "me"}).status_code == 400
    sent = reader.post(path, data={"text": f"Not theirs {SCRIPT}", "contact": "me@example.org"})
    assert sent.status_code == 303
    page = reader.get(path).text
    assert "Not theirs" not in page
    assert "example.org" not in page
    node = signed_in("node")
    page = node.get(f"/applications/{one.id}").text
    assert "me@example.org" in page
    assert SCRIPT not in page
    objection = re.search(r'name="objection" value="([^"]+)"', page)
    assert objection
    form = {"csrf_token": token(page), "revision": revision(page), "step": "dismiss",
            "objection": objection[1], "answer": "It is theirs"}  # fmt: skip
    assert node.post(f"/applications/{one.id}", data=form).status_code == 200
    page = reader.get(path).text
    assert "It is theirs" in page
    assert SCRIPT not in page
    twin = reader.get("/publicity", params={"f": "json"}).json()
    assert one.id in {item["id"] for item in twin["items"]}
    assert "assigned" not in twin["items"][0]


def test_cancellation_begins_at_its_own_form(city: Town, signed_in: SignedIn) -> None:
    client = signed_in("provider")
    page = client.get("/applications/new/changing").text
    form = {"csrf_token": token(page), "resource": "changing", "kind": "cancellation"}
    assert client.post("/applications", data=form).status_code == 400
    answer = client.post("/applications", data=form | {"reason": "replaced"})
    assert answer.url.path.startswith("/applications/app_")
    assert "Cancellation" in answer.text
    page = client.get(answer.url.path).text
    back = {"csrf_token": token(page), "revision": revision(page), "step": "recall"}
    assert client.post(answer.url.path, data=back).status_code == 200
    wrong = {"csrf_token": token(page), "resource": "changing", "kind": "explosion"}
    assert client.post("/applications", data=wrong).status_code == 400
    for path in ("/applications/app_none", "/applications/%00", "/publicity/%00"):
        assert client.get(path).status_code == 404
