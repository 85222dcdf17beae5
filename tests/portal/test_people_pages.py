"""Pages about people: who may see them, what they do without scripts, how they read and look."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page
from town import PASSWORD, Town

from looking import looked_over, too_wide

sys.path.insert(0, str(Path(__file__).parents[1] / "parties"))

SignedIn = Callable[[str], httpx.Client]
Opened = Callable[..., Page]


def csrf(client: httpx.Client) -> str:
    found = re.search(r'name="csrf_token" value="(\w+)"', client.get("/account").text)
    assert found
    return found[1]


def own(client: httpx.Client) -> dict:
    return client.get("/account", params={"f": "json"}).json()


@pytest.mark.parametrize(
    "path",
    ["/notices", "/account", "/audit", "/audit.csv", "/parties/pty_x/members",
     "/parties/pty_x/webhooks"],
)  # fmt: skip
def test_a_stranger_is_asked_to_sign_in(reader: httpx.Client, path: str) -> None:
    answer = reader.get(path)
    assert answer.status_code == 401
    assert "/sign-in?back=" in answer.text


@pytest.mark.parametrize(
    "path",
    ["/notices/read", "/account", "/account/password", "/account/notices", "/account/export",
     "/account/erase", "/account/keep", "/account/delegations", "/account/identity/unbind",
     "/account/sessions/x/end", "/delegations/del_x/end", "/parties/pty_x/invitations",
     "/parties/pty_x/invitations/inv_x/revoke", "/parties/pty_x/members/mbr_x/roles",
     "/parties/pty_x/webhooks", "/parties/pty_x/webhooks/whk_x/test",
     "/parties/pty_x/webhooks/whk_x/renew", "/parties/pty_x/webhooks/whk_x/remove",
     "/parties/pty_x/deliveries/ntc_x/again"],
)  # fmt: skip
def test_a_stranger_changes_nothing(reader: httpx.Client, signed_in: SignedIn, path: str) -> None:
    assert reader.post(path).status_code == 401
    # Neither does a form that does not carry the session's token.
    assert signed_in("consumer").post(path, data={"csrf_token": "0"}).status_code == 403


def test_another_party_is_refused(signed_in: SignedIn) -> None:
    theirs = own(signed_in("provider"))["party"]
    consumer = signed_in("consumer")
    for path in (f"/parties/{theirs}/members", f"/parties/{theirs}/webhooks", "/audit"):
        assert consumer.get(path).status_code == 403
    token = csrf(consumer)
    for path in ("invitations", "webhooks"):
        form = {
            "csrf_token": token,
            "email": "a@b.example",
            "roles": "steward",
            "url": "https://a.example",
        }
        assert consumer.post(f"/parties/{theirs}/{path}", data=form).status_code == 403


def test_invited_joined_delegated_and_told(signed_in: SignedIn, reader: httpx.Client) -> None:
    steward = signed_in("provider")
    party, token = own(steward)["party"], csrf(steward)
    form = {"csrf_token": token, "email": "li@city.example", "roles": ["reviewer"], "days": "7"}
    made = steward.post(f"/parties/{party}/invitations", data=form)
    assert made.headers["cache-control"] == "no-store"
    code = re.search(r"/join\?code=([\w-]+)", made.text)[1]
    assert code not in steward.get(f"/parties/{party}/members").text
    page = reader.get("/join", params={"code": code})
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "reviewer" in page.text
    form = {
        "code": code,
        "login": "li.hua",
        "name": "Li <b>Hua",
        "password": PASSWORD,
        "again": "x",
    }
    assert "not the same" in reader.post("/join", data=form).text
    joined = reader.post("/join", data=form | {"again": PASSWORD})
    assert joined.headers["location"] == "/account"
    assert reader.get("/join", params={"code": code}).status_code == 404
    assert "Li &lt;b&gt;Hua" in reader.get("/account").text

    lent = steward.post(
        "/account/delegations",
        data={"csrf_token": token, "taker": own(reader)["member"], "roles": ["supplier"],
              "until": "2000-01-01", "reason": "leave"},
    )  # fmt: skip
    assert lent.status_code == 400
    from datetime import UTC, datetime, timedelta

    until = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    lent = steward.post(
        "/account/delegations",
        data={"csrf_token": token, "taker": own(reader)["member"], "roles": ["supplier"],
              "until": until, "reason": "leave"},
    )  # fmt: skip
    assert "delegated" in lent.text
    told = reader.get("/notices", params={"f": "json"}).json()
    assert told["unread"] == 1
    assert "1 unread" in reader.get("/notices").text
    reader.post("/notices/read", data={"csrf_token": csrf(reader), "all": "1"})
    assert reader.get("/notices", params={"f": "json"}).json()["unread"] == 0

    acts = steward.get("/audit", params={"f": "json"}).json()["acts"]
    kinds = {one["kind"] for one in acts}
    assert {"invitation.made", "invitation.accepted", "delegation.made"} <= kinds
    assert all(one["sound"] for one in acts)
    assert {one["origin"] for one in acts if one["kind"] == "delegation.made"} == {"127.0.0.0/24"}
    sheet = steward.get("/audit.csv", params={"kind": "delegation.made"}).content.decode(
        "utf-8-sig"
    )
    assert len(sheet.splitlines()) == 2
    assert steward.get("/audit", params={"since": "yesterday"}).status_code == 400


def test_a_webhooks_secret_is_shown_once(signed_in: SignedIn) -> None:
    steward = signed_in("provider")
    party = own(steward)["party"]
    form = {"csrf_token": csrf(steward), "url": "https://hooks.city.example/a", "topics": "review"}
    page = steward.post(f"/parties/{party}/webhooks", data=form)
    assert "whsec_" in page.text
    assert "whsec_" not in steward.get(f"/parties/{party}/webhooks").text
    bad = steward.post(f"/parties/{party}/webhooks", data=form | {"url": "http://10.0.0.1/"})
    assert bad.status_code == 400


def test_own_data_as_a_zip_and_leaving(signed_in: SignedIn) -> None:
    client = signed_in("consumer")
    token = csrf(client)
    data = client.post("/account/export", data={"csrf_token": token})
    assert data.headers["content-type"] == "application/zip"
    assert data.content[:2] == b"PK"
    assert client.post("/account/erase", data={"csrf_token": token}).status_code == 400
    page = client.post("/account/erase", data={"csrf_token": token, "sure": "1"})
    assert "will be erased" in page.text
    page = client.post("/account/keep", data={"csrf_token": token})
    assert "will be erased" not in page.text


def test_choices_of_notices_are_kept(signed_in: SignedIn) -> None:
    client = signed_in("stranger")
    form = {"csrf_token": csrf(client), "mail.search": "daily", "page.review": "1"}
    client.post("/account/notices", data=form)
    said = own(client)["notices"]
    assert said["search"] == {"page": False, "mail": "daily"}
    assert said["review"]["page"]
    assert said["security"]["page"]


def test_without_a_provider_there_is_no_single_sign_on(reader: httpx.Client) -> None:
    assert reader.get("/sign-in/oidc").status_code == 404
    assert reader.get("/sign-in/oidc/callback").status_code == 404
    assert "/sign-in/oidc" not in reader.get("/sign-in").text


def test_the_menu_shows_what_a_role_needs(signed_in: SignedIn, reader: httpx.Client) -> None:
    for client, there, absent in (
        (reader, ["/search", "/map", "/sign-in"], ["/account", "/notices", "/audit"]),
        (signed_in("consumer"), ["/notices", "/agreements", "/account"], ["/audit", "/publish"]),
        (signed_in("provider"), ["/publish", "/audit"], []),
    ):
        header = client.get("/about").text.split("</header>")[0]
        links = set(re.findall(r'href="(/[a-z-]+)', header))
        assert set(there) <= links
        assert not set(absent) & links
        for link in links - {"/static"}:
            assert client.get(link, params={"back": "/"}).status_code == 200


def pages(party: str) -> list[str]:
    return ["/notices", "/account", "/audit", f"/parties/{party}/members",
            f"/parties/{party}/webhooks", "/signed-out"]  # fmt: skip


@pytest.mark.browser
@pytest.mark.parametrize("language", ["zh", "en"])
def test_axe_finds_nothing_about_people(
    opened: Opened, city: Town, signed_in: SignedIn, language: str
) -> None:
    party = own(signed_in("provider"))["party"]
    page = opened("/about", language, who="provider")
    found = []
    for path in pages(party):
        found += looked_over(page, path, language)
    assert not found


@pytest.mark.browser
def test_nothing_about_people_in_large_text_is_wider_than_a_phone(
    opened: Opened, signed_in: SignedIn
) -> None:
    party = own(signed_in("provider"))["party"]
    page = opened("/about", "en", 390, who="provider")
    page.goto("/preferences?text=simple&back=/about")
    wide = []
    for path in pages(party):
        page.goto(path)
        wide += too_wide(page, path)
    assert not wide


@pytest.mark.browser
def test_the_menus_open_and_close_by_keyboard(opened: Opened) -> None:
    page = opened("/about", "en", who="provider")
    summary = page.locator("details.menu summary").filter(has_text="Desk")
    summary.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('details.menu') !== null")
    assert page.evaluate("document.activeElement.tagName") == "A"
    page.keyboard.press("Escape")
    assert not page.locator("details.menu[open]").count()
