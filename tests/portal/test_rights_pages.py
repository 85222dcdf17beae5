"""Rights, certificates, grades and authorised operation through the pages."""

import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from town import Town

from quanyu.catalogue import (
    Access,
    Kind,
    Level,
    Registration,
    ResourceDraft,
    Subject,
    Tick,
    accept_application,
    advance_applications,
    application,
    approve_application,
    confirm_grading,
    items_for,
    save_draft,
)
from quanyu.evidence import verify_document
from quanyu.kernel import LocalText, now, sha256_hex

SignedIn = Callable[[str], httpx.Client]
RULES = Registration()
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_REVISION = re.compile(r'name="revision" value="([^"]+)"')
CONTRACT = b"We agree."
SCRIPT = "<script>alert(1)</script>"


def token(page: str) -> str:
    found = _TOKEN.search(page)
    assert found
    return found[1]


class Register:
    """The register of the town, written to behind its pages."""

    def __init__(self, town: Town) -> None:
        self.town = town

    def write(self, do: Callable[..., Any], *args: Any, **rest: Any) -> Any:
        control = self.town.control()
        try:
            with control.begin() as session:
                return do(session, *args, **rest)
        finally:
            control.close()

    def entry(self, slug: str) -> Any:
        provider = self.town.callers["provider"]
        draft = ResourceDraft(
            slug=slug,
            kind=Kind.DATASET,
            title=LocalText(zh="池塘", en=f"Ponds {SCRIPT}"),
            provider=provider.party,  # type: ignore[arg-type]
            licence="CC-BY-4.0",
            access=Access.OPEN,
        )
        return self.write(save_draft, draft, provider)

    def through(self, name: str) -> None:
        """A reviewer approves it, and the publicity passes."""
        by = self.town.callers["node"]
        self.write(accept_application, name, by, RULES)
        one = self.write(application, name, visible_to=by)
        ticks = {item.id: Tick(True) for item in items_for(one.kind, RULES.checklist)}
        self.write(approve_application, name, by, RULES, checklist=ticks)
        control = self.town.control()
        assert advance_applications(control, now() + timedelta(days=60)) >= 1
        control.close()


@pytest.fixture
def register(city: Town) -> Register:
    return Register(city)


def row(number: int, **said: str) -> dict[str, str]:
    base = {"origin": "produced", "transferable": "1", "derivable": "1", "share": "0"}
    return {f"{number}/{name}": value for name, value in (base | said).items()}


def test_strangers_are_refused(
    register: Register, reader: httpx.Client, signed_in: SignedIn
) -> None:
    register.entry("hidden-ponds")
    for path in ("/grading", "/rights/trees/apply", "/operations/new"):
        assert reader.get(path).status_code == 401
    for path in ("/rights/trees/apply", "/resources/trees/grading", "/operations/new",
                 "/operations/opr_x", "/operations/opr_x/report"):  # fmt: skip
        assert reader.post(path).status_code in {401, 403}
    for path in ("/rights/hidden-ponds", "/resources/hidden-ponds/grading", "/certificates/crt_x",
                 "/operations/opr_x", "/operation-reports/orp_x"):  # fmt: skip
        assert reader.get(path).status_code == 404
    assert "hidden-ponds" not in reader.get("/rights", params={"ended": "1", "f": "json"}).text
    assert reader.get("/rights", params={"kind": "magic"}).status_code == 400
    stranger = signed_in("stranger")
    assert stranger.get("/grading").status_code == 403
    assert stranger.get("/rights/hidden-ponds").status_code == 404
    page = stranger.get("/rights/trees/apply").text
    party = register.town.callers["stranger"].party
    form = {"csrf_token": token(page), "kind": "change", "reason": "mine now"}
    taken = stranger.post(
        "/rights/trees/apply", data=form | row(0, kind="operation", holder=str(party), basis="x")
    )
    assert taken.status_code == 403
    assert "catalogue.write" in taken.text
    page = stranger.get("/resources/trees/grading").text
    assert 'name="level"' not in page
    form = {"csrf_token": token(stranger.get("/rights/trees/apply").text), "level": "core"}
    graded = stranger.post("/resources/trees/grading", data=form | {"subject": "business"})
    assert graded.status_code == 403


def test_what_nobody_registered_is_said_to_be_so(reader: httpx.Client) -> None:
    page = reader.get("/rights/trees").text
    assert page.count("not registered") >= 3
    twin = reader.get("/rights/trees", params={"f": "json"}).json()
    assert [one["registered"] for one in twin["rights"]] == [False] * 3
    assert "not registered" in reader.get("/resources/trees").text


def test_rights_are_applied_for_certified_and_verified(
    register: Register, reader: httpx.Client, signed_in: SignedIn
) -> None:
    of, client = register.entry("ponds"), signed_in("provider")
    own, other = (register.town.callers[who].party for who in ("provider", "consumer"))
    path = f"/rights/{of.slug}/apply"
    form = {"csrf_token": token(client.get(path).text), "kind": "first", "reason": "at first"}
    wrong = client.post(path, data=form | row(0, kind="holding", holder=str(own), share="x"))
    assert wrong.status_code == 400
    assert 'value="x"' in wrong.text
    both = row(0, kind="holding", holder=str(own)) | row(
        1, kind="operation", holder=str(other), origin="contract", basis=f"no. 7 {SCRIPT}",
        until="2031-12-31", attribution="© Ponds", share="2.5",
    )  # fmt: skip
    refused = client.post(path, data=form | both)
    assert refused.status_code == 403
    assert "rights.proof" in refused.text
    sent = client.post(
        path, data=form | both, files={"1/files": ("contract.txt", CONTRACT, "text/plain")}
    )
    assert sent.url.path.startswith("/applications/")
    assert SCRIPT not in sent.text
    name = sent.url.path.rpartition("/")[2]
    asked = client.get(sent.url.path, params={"f": "json"}).json()["rights"]
    assert [(one["change"], one["until"]) for one in asked] == [
        ("new", None),
        ("new", "2031-12-31"),
    ]
    assert asked[1]["proofs"][0]["sha256"] == sha256_hex(CONTRACT)
    register.through(name)
    twin = reader.get(f"/rights/{of.slug}", params={"f": "json"}).json()
    assert [one["registered"] for one in twin["rights"]] == [True, False, True]
    assert twin["rights"][2]["conditions"]["share"] == 250
    listed = reader.get("/rights", params={"f": "json", "holder": str(other)}).json()
    assert [one["slug"] for one in listed["items"]] == [of.slug]
    found = reader.get("/rights", params={"f": "json", "q": "池塘"}).json()
    assert {one["slug"] for one in found["items"]} == {of.slug}
    (certificate,) = twin["certificates"]
    page = reader.get(f"/certificates/{certificate['id']}")
    assert page.status_code == 200
    assert SCRIPT not in page.text
    document = signed(reader, f"/certificates/{certificate['id']}/certificate.json")
    checked = verify_document(document, reader.get("/log/key").text.splitlines())
    assert checked.ok
    broken = document.replace(b"contract", b"c0ntract")
    assert not verify_document(broken, reader.get("/log/key").text.splitlines()).ok
    paper = reader.get(f"/certificates/{certificate['id']}/certificate.pdf")
    assert paper.content.startswith(b"%PDF")


def signed(client: httpx.Client, path: str) -> bytes:
    for _ in range(450):
        answer = client.get(path)
        if answer.status_code == 200:
            return answer.content
        assert answer.status_code == 503
        time.sleep(0.2)
    raise AssertionError("the certificate was not sequenced")


def test_a_reviewer_grades_through_the_pages(register: Register, signed_in: SignedIn) -> None:
    of, node = register.entry("graded-ponds"), signed_in("node")
    path = f"/resources/{of.slug}/grading"
    form = {"csrf_token": token(node.get(path).text), "subject": "business", "industry": ""}
    assert node.post(path, data=form | {"step": "propose"}).status_code == 200
    assert of.slug in node.get("/grading", params={"f": "json"}).text
    bare = node.post(path, data=form | {"level": "L3"})
    assert bare.status_code == 400
    done = node.post(path, data=form | {"level": "L3", "reason": f"so it is {SCRIPT}"})
    assert done.status_code == 200
    assert SCRIPT not in done.text
    twin = node.get(path, params={"f": "json"}).json()
    assert (twin["confirmed"]["level"], twin["waits"]) == ("L3", False)
    # Its provider reads why; others read the level alone, once it is public.
    client = signed_in("provider")
    assert client.get(path, params={"f": "json"}).json()["confirmed"]["reason"]
    tree_reason = "seen in the field"
    trees = node.get("/resources/trees", params={"f": "json"}).json()["resource"]["id"]
    register.write(
        confirm_grading, trees, register.town.callers["node"], level=Level.L1, industry="",
        subject=Subject.SYSTEM, reason=tree_reason,
    )  # fmt: skip
    stranger = signed_in("stranger")
    said = stranger.get("/resources/trees/grading", params={"f": "json"})
    assert said.json()["confirmed"]["level"] == "L1"
    assert said.json()["proposed"] is None
    assert tree_reason not in said.text


def test_an_operator_is_authorised_through_the_pages(
    register: Register, reader: httpx.Client, signed_in: SignedIn
) -> None:
    client, node = signed_in("provider"), signed_in("node")
    page = client.get("/operations/new").text
    trees = reader.get("/resources/buildings", params={"f": "json"}).json()["resource"]["id"]
    consumer = str(register.town.callers["consumer"].party)
    said = dict.fromkeys(("title_zh", "field", "scenario_zh", "plan_zh", "plan_en"), "")
    said |= {"csrf_token": token(page), "title_en": f"Houses {SCRIPT}", "mode": "scenario",
             "operator": consumer, "scenario_en": "Moving house", "from": "2026-01-01",
             "until": "2099-12-31", "resources": trees}  # fmt: skip
    lacking = client.post("/operations/new", data=said)
    assert lacking.status_code == 400
    made = client.post(
        "/operations/new",
        data=said | {"plan_en": "Products on demand"},
        files={"file": ("plan.txt", CONTRACT, "text/plain")},
    )
    path = made.url.path
    assert path.startswith("/operations/opr_")
    assert SCRIPT not in made.text
    assert reader.get(path).status_code == 404
    form = {"csrf_token": token(made.text), "revision": revision(made.text)}
    assert client.post(path, data=form | {"step": "file", "filing": "1"}).status_code == 403
    page = node.get(path).text
    filed = {"csrf_token": token(page), "revision": revision(page), "step": "file"}
    assert node.post(path, data=filed | {"filing": "2026-1"}).status_code == 200
    item = reader.get(path, params={"f": "json"}).json()["item"]
    assert (item["state"], item["filing"]) == ("filed", "2026-1")
    assert item["plan_sha256"] == sha256_hex(CONTRACT)
    assert reader.get(f"{path}/report").status_code == 401
    assert signed_in("stranger").get(f"{path}/report").status_code == 403
    report = client.get(f"{path}/report", params={"f": "json"}).json()["report"]
    assert {one["figure"]: one["value"] for one in report["figures"]}["uses"] == 0
    assert client.get(f"{path}/report").status_code == 200
    form = {"csrf_token": token(client.get(path).text), "year": str(report["year"])}
    assert client.post(f"{path}/report", data=form).status_code == 403


def revision(page: str) -> str:
    found = _REVISION.search(page)
    assert found
    return found[1]
