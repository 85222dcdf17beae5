"""Pages about the care for a resource: quality, rows, talk, corrections, reuses, what it did."""

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page
from town import Town

from looking import looked_over

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}"
PUBLIC = (
    "/resources/trees/quality",
    "/resources/trees/dictionary",
    "/resources/trees/data",
    "/resources/trees/discussion",
    "/resources/trees/corrections",
    "/resources/trees/reuses",
    "/corrections",
    "/resources/trees/health",
    "/health-board",
    "/health-board?state=bad&kind=dataset",
)
SignedIn = Callable[[str], httpx.Client]


def send(client: httpx.Client, page: str, to: str = "", **form: str) -> httpx.Response:
    """Send a form of a page, with the page's own guard."""
    found = re.search(r'name="csrf_token" value="([^"]*)"', client.get(page).text)
    assert found
    return client.post(to or page, data={"csrf_token": found[1], **form})


@pytest.mark.parametrize("path", PUBLIC)
def test_pages_are_there_with_their_twins(reader: httpx.Client, path: str) -> None:
    assert reader.get(path).status_code == 200
    assert reader.get(path, params={"f": "json"}).json()


@pytest.mark.parametrize(
    "path",
    ["quality", "data", "dictionary", "discussion", "corrections", "reuses", "notebook.ipynb"],
)
def test_what_is_not_there_is_not_found(reader: httpx.Client, path: str) -> None:
    assert reader.get(f"/resources/nothing/{path}").status_code == 404


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/resources/trees/discussion", {"step": "begin", "title": "a", "text": "b"}),
        ("/resources/trees/corrections", {"wrong": "x"}),
        ("/resources/trees/reuses", {"title": "a", "url": "https://a.org", "kind": "research"}),
        ("/resources/trees/follow", {}),
        ("/resources/trees/health/check", {}),
        ("/resources/trees/health/rules", {"rules": "rules: []", "revision": "0"}),
        ("/resources/trees/health/maintenance", {"until": "2030-01-01T08:00", "reason": "x"}),
        ("/resources/trees/health/overrule", {"reason": "x"}),
    ],
)
def test_strangers_write_nothing(
    reader: httpx.Client, signed_in: SignedIn, path: str, form: dict[str, str]
) -> None:
    assert reader.post(path, data=form).status_code in (401, 403)
    # Signed in, but from another site.
    assert signed_in("consumer").post(path, data=form).status_code == 403


def test_rows_page_by_page(reader: httpx.Client) -> None:
    seen: list[str] = []
    url = "/resources/trees/data?limit=100&sort=-height&f=json"
    while url:
        page = reader.get(url).json()["page"]
        seen += [row["id"] for row in page["rows"]]
        token = page["next"]
        url = f"/resources/trees/data?limit=100&sort=-height&f=json&after={token}" if token else ""
    assert len(seen) == len(set(seen)) == 400


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("field=kind&op=contains&value=OA", 100),
        ("field=kind&op=contains&value=%25", 0),
        ("field=height&op=>=&value=20", 60),
        ("field=planted&op==&value=1950-04-01", 3),
        ("field=street&op==&value=true", 134),
        ("field=name&op=empty", 0),
        ("filter=height > 20 AND kind = 'maple'", 20),
    ],
)
def test_rows_filtered(reader: httpx.Client, query: str, count: int) -> None:
    page = reader.get(f"/resources/trees/data?{query}&f=json").json()["page"]
    assert page["matched"] == count


@pytest.mark.parametrize(
    "query",
    [
        "field=nothing", "field=height&op=contains&value=1", "field=height&value=x", "sort=nothing",
        "filter=bad(", "limit=0", "after=x", "field=kind&op=; DROP",
    ],
)  # fmt: skip
def test_bad_filters_say_what_is_wrong(reader: httpx.Client, query: str) -> None:
    answer = reader.get(f"/resources/trees/data?{query}")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text or "limit" in query


def test_restricted_rows_stay_restricted(reader: httpx.Client, signed_in: SignedIn) -> None:
    assert reader.get("/resources/buildings/data").status_code == 403
    shown = signed_in("consumer").get("/resources/buildings/data").text
    assert "House" in shown
    assert "phone" not in shown
    assert "owner-0" not in shown
    quality = signed_in("consumer").get("/resources/buildings/quality")
    assert quality.status_code == 200
    assert "phone" not in quality.text.replace("telephone", "")
    assert "Rule that refused" in reader.get("/resources/buildings/quality").text


def test_a_discussion_is_escaped_and_hidden(signed_in: SignedIn, reader: httpx.Client) -> None:
    consumer, provider = signed_in("consumer"), signed_in("provider")
    page = "/resources/trees/discussion"
    assert send(consumer, page, step="begin", title=HOSTILE[:60], text=HOSTILE).status_code == 200
    shown = reader.get(page).text
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)" in shown
    assert "{{ 7*7 }}" in shown
    thread = reader.get(page, params={"f": "json"}).json()["threads"][0]["id"]
    assert send(provider, page, step="reply", thread=thread, text="No.").status_code == 200
    assert send(consumer, page, step="hide", message=thread, reason="x").status_code == 403
    assert send(provider, page, step="hide", message=thread, reason="spam").status_code == 200
    after = reader.get(page).text
    assert "alert(1)" not in after
    assert "spam" in after


def test_a_correction_goes_its_way(signed_in: SignedIn, reader: httpx.Client) -> None:
    consumer, provider = signed_in("consumer"), signed_in("provider")
    page = "/resources/trees/corrections"
    asked = send(consumer, page, wrong=HOSTILE, right="oak", record="t0004", field="kind")
    path = asked.url.path
    assert path.startswith("/corrections/cor_")
    assert "<script>alert" not in reader.get(path).text
    refused = send(consumer, path, path, step="withdraw", revision="9")
    assert refused.status_code == 409
    assert send(provider, path, step="refuse", revision="1", answer="").status_code == 400
    accepted = send(provider, path, step="accept", revision="1", answer="Thank you.")
    assert "Accepted, to be corrected" in accepted.text
    done = send(provider, path, step="corrected", revision="2", version="1")
    assert "Corrected" in done.text
    said = reader.get(path, params={"f": "json"}).json()["correction"]
    assert (said["state"], said["done_version"], said["contact"]) == ("corrected", 1, "")
    assert "member" not in said
    assert "Thank you." in reader.get(path).text
    figures = reader.get("/corrections?f=json").json()["figures"]
    assert figures["corrected"] >= 1
    for choice in ("desk", "mine", "overdue"):
        assert consumer.get("/corrections", params={"show": choice}).status_code == 200
    assert consumer.get("/corrections", params={"show": "odd"}).status_code == 400


def test_a_bad_correction_keeps_what_was_typed(signed_in: SignedIn) -> None:
    answer = send(
        signed_in("consumer"),
        "/resources/trees/corrections",
        wrong="the height",
        evidence="javascript:alert(1)",
    )
    assert answer.status_code == 400
    assert "the height" in answer.text
    assert 'href="javascript' not in answer.text


def test_reuses_wait_for_a_look(signed_in: SignedIn, reader: httpx.Client) -> None:
    consumer, provider = signed_in("consumer"), signed_in("provider")
    page = "/resources/trees/reuses"
    form = {"title": "Shade map", "url": "https://example.org/shade", "kind": "application"}
    assert send(consumer, page, step="propose", **form).status_code == 200
    assert "Shade map" not in reader.get(page).text
    waiting = provider.get(page, params={"f": "json"}).json()["reuses"][0]["id"]
    assert send(consumer, page, step="show", reuse=waiting).status_code == 403
    assert send(provider, page, step="show", reuse=waiting).status_code == 200
    assert "Shade map" in reader.get(page).text
    assert "Shade map" in reader.get("/resources/trees").text


def test_following(signed_in: SignedIn) -> None:
    client = signed_in("consumer")
    assert (
        "Following: stop"
        in send(client, "/resources/trees", "/resources/trees/follow", step="follow").text
    )
    assert (
        "Follow its changes"
        in send(client, "/resources/trees", "/resources/trees/follow", step="stop").text
    )


def test_what_the_data_did_is_for_its_party(
    reader: httpx.Client, signed_in: SignedIn, city: Town
) -> None:
    assert reader.get("/impact").status_code == 401
    party = city.callers["provider"].party
    provider = signed_in("provider")
    provider.get("/resources/trees/data")
    mine = provider.get("/impact", params={"f": "json"}).json()
    assert {row["slug"] for row in mine["resources"]} >= {"trees", "buildings"}
    assert provider.get("/impact?days=30&f=csv").text.startswith("day,resource,face")
    assert provider.get("/impact?days=31").status_code == 400
    assert provider.get("/impact?resource=trees").status_code == 200
    assert signed_in("consumer").get("/impact", params={"party": party}).status_code == 403
    seen = signed_in("node").get("/impact", params={"party": party})
    assert seen.status_code == 200
    assert "Counts below 5 are not shown" in seen.text


@pytest.mark.parametrize("language", ["zh", "en"])
def test_axe_finds_nothing_about_care(opened: Callable[..., Page], language: str) -> None:
    found = []
    for who, paths in (
        ("", PUBLIC),
        ("provider", ("/impact", *PUBLIC[3:])),
        ("consumer", ("/resources/trees", "/resources/trees/corrections?record=t1&field=kind")),
    ):
        page = opened("/about", language, who=who)
        for path in paths:
            found += looked_over(page, path, language)
    assert not found


def test_rules_are_declared_and_shown_on_pages(reader: httpx.Client, signed_in: SignedIn) -> None:
    provider = signed_in("provider")
    form = provider.get("/resources/trees/health/rules?propose=1").text
    assert "kind: rows" in form
    page = "/resources/trees/health/rules"
    wrong = send(provider, page, rules="rules: [{name: a, kind: rows}]", revision="0")
    assert wrong.status_code == 400
    assert "kind: rows" in wrong.text
    rules = "rules: [{name: tall, kind: range, columns: height, most: 20, severity: warning}]"
    done = send(provider, page, rules=rules, revision="0")
    assert done.status_code == 200
    assert "To be watched" in done.text
    # The data are open: everybody may see all rows, and so the counts.
    shown = reader.get("/resources/trees/health")
    assert "tall" in shown.text
    rows = reader.get("/resources/trees/health/rules/tall", params={"f": "json"}).json()
    assert rows["rule"]["failing"] == 40
    assert {float(row["height"]) for row in rows["rows"]} <= {21.0, 22.0}
    assert reader.get("/resources/trees/health/rules/none").status_code == 404
    assert signed_in("consumer").get(page).status_code == 403
    cleared = send(provider, page, rules="rules: []", revision="1")
    assert cleared.status_code == 200
