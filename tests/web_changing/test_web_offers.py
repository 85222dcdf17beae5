"""Offers and payments through forms that need no scripts: made, shown first, taken back, booked."""

import re
from collections.abc import Iterator

import httpx
import pytest
from town import PASSWORD, Town, policy, term

from quanyu.agreements import offer

TERMS = {
    "actions": ["odrl:read", "odrl:aggregate"],
    "purposes": ["research"],
    "until": "2099-12-31",
    "columns/name": "show",
    "columns/levels": "round",
    "steps/levels": "2",
    "columns/owner": "hide",
    "columns/phone": "keep-last-4",
    "rows": "levels <= 6",
    "region": "24.90, 60.15, 24.94, 60.19",
    "valid_from": "2020-01-01",
    "grid": "50",
    "version": "1",
    "most_requests": "1,000",
    "most_rows": "20000",
    "most_bytes": "1000000",
    "rate": "60",
    "rate_unit": "quanyu:perMinute",
    "networks": "127.0.0.0/8, ::1/128",
    "duties": ["odrl:attribute", "odrl:delete"],
    "by/odrl:delete": "2099-12-31",
    "release": "reviewed",
    "output_group": "20",
    "plan": "tiered",
    "tiers": "2 | 0.50\n| 0.25",
    "level_en": "99 % of requests are answered within a second.",
    "if_uses": "4",
}


@pytest.fixture
def enter(town: Town) -> Iterator:
    opened: list[httpx.Client] = []

    def sign_in(who: str) -> httpx.Client:
        client = httpx.Client(
            base_url=town.url,
            headers={"accept": "text/html", "accept-language": "en"},
            timeout=30,
            follow_redirects=True,
            verify=False,
        )
        opened.append(client)
        answer = client.post("/sign-in", data={"login": who, "password": PASSWORD, "back": "/"})
        assert answer.status_code == 200
        return client

    yield sign_in
    for client in opened:
        client.close()


def send(client: httpx.Client, path: str, page: httpx.Response, **said: object) -> httpx.Response:
    """Send a form with what the page itself hides in it."""
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    return client.post(path, data={"csrf_token": hidden["csrf_token"]} | said)


def seen(page: httpx.Response) -> str:
    return re.search(r'name="seen" value="([0-9a-f]+)"', page.text)[1]


def test_an_offer_is_shown_first_and_says_what_the_form_said(town: Town, enter) -> None:
    client = enter("provider")
    assert "/offers/new?resource=buildings" in client.get("/resources/buildings").text
    page = client.get("/offers/new", params={"resource": "buildings"})
    said = TERMS | {"resource": "buildings", "replaces": ""}
    preview = send(client, "/offers/new", page, step="preview", **said)
    assert preview.status_code == 200
    for text in ("at most 1000 requests", "only the columns", "research", "1.50"):
        assert text in preview.text
    control = town.control()
    before = client.get("/offers", params={"f": "json"}).json()["rows"]
    # What was not looked at is shown once more.
    again = send(client, "/offers/new", page, step="offer", seen="0", **said)
    assert "changed since the preview" in again.text
    assert client.get("/offers", params={"f": "json"}).json()["rows"] == before
    made = send(client, "/offers/new", page, step="offer", seen=seen(preview), **said)
    name = made.url.path.rpartition("/")[2]
    assert name.startswith("off_")
    twin = client.get(f"/offers/{name}", params={"f": "json"}).json()
    assert twin["open"]
    assert twin["level"]["en"].startswith("99 %")
    assert [one["price"] for one in twin["plan"]["tiers"]] == [50, 25]
    with control.read() as session:
        put = offer(session, name)
    lefts = [one.left for one in put.policy.permissions[0].constraints]
    assert {rule.action for rule in put.policy.permissions} == {"odrl:read", "odrl:aggregate"}
    assert set(lefts) == {
        "odrl:purpose", "odrl:dateTime", "quanyu:columns", "quanyu:mask", "quanyu:rows",
        "odrl:spatial", "quanyu:interval", "quanyu:grid", "quanyu:version", "odrl:count",
        "quanyu:rowCount", "quanyu:byteCount", "quanyu:rate", "quanyu:network",
        "quanyu:release", "quanyu:outputGroup",
    }  # fmt: skip
    # The form to replace it says the same, and both happen at once.
    form = client.get("/offers/new", params={"replaces": name})
    assert "cannot show" not in form.text
    assert "levels &lt;= 6" in form.text
    dearer = said | {"replaces": name, "tiers": "| 0.75"}
    shown = send(client, "/offers/new", form, step="preview", **dearer)
    new = send(client, "/offers/new", form, step="offer", seen=seen(shown), **dearer)
    assert new.url.path != made.url.path
    assert not client.get(f"/offers/{name}", params={"f": "json"}).json()["open"]
    other = new.url.path
    unsure = send(client, other, new, step="withdraw", revision="1")
    assert unsure.status_code == 400
    gone = send(client, other, new, step="withdraw", revision="1", sure="yes")
    assert "taken back" in gone.text
    control.close()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"actions": []}, "actions"),
        ({"most_rows": "many"}, "most_rows"),
        ({"rows": "levels <"}, "rows"),
        ({"region": "1, 2"}, "region"),
        ({"networks": "home"}, "networks"),
        ({"plan": "per-use"}, "price"),
        ({"plan": "tiered", "tiers": "3"}, "tiers"),
        ({"columns/levels": "round"}, "columns"),
    ],
)
def test_what_cannot_be_taken_is_named_and_kept(enter, wrong, field: str) -> None:
    client = enter("provider")
    page = client.get("/offers/new", params={"resource": "buildings"})
    said = {"resource": "buildings", "replaces": "", "actions": ["odrl:use"]} | wrong
    answer = send(client, "/offers/new", page, step="preview", **said)
    assert answer.status_code == 400
    assert f"<code>{field}</code>" in answer.text


def test_strangers_offer_and_book_nothing(town: Town, enter) -> None:
    for who in ("stranger", "consumer"):
        client = enter(who)
        assert client.get("/offers/new", params={"resource": "buildings"}).status_code == 403
        page = client.get("/account")
        said = {"resource": "buildings", "replaces": "", "actions": ["odrl:use"], "seen": ""}
        assert send(client, "/offers/new", page, step="offer", **said).status_code == 403
        assert client.get("/payments").status_code == 403
        booking = {"kind": "deposit", "party": town.callers["stranger"].party, "amount": "9"}
        booked = send(client, "/payments", page, step="book", reference="x", **booking)
        assert booked.status_code == 403
    with town.client() as anybody:
        for path in ("/offers", "/offers/new", "/payments"):
            assert anybody.get(path).status_code == 401


def test_a_deposit_is_shown_back_and_booked_once(town: Town, enter) -> None:
    client = enter("node")
    page = client.get("/payments")
    said = {
        "kind": "deposit",
        "party": town.callers["stranger"].party,
        "amount": "12.50",
        "reference": "bank 1",
    }

    def prepaid(seen: dict) -> int:
        return sum(one["prepaid"] for one in seen["balances"])

    before = client.get("/payments", params={"f": "json"}).json()
    shown = send(client, "/payments", page, step="check", **said)
    assert "Is this right?" in shown.text
    assert "12.50" in shown.text
    assert client.get("/payments", params={"f": "json"}).json()["moved"] == before["moved"]
    for _ in range(2):
        send(client, "/payments", shown, step="book", **said)
    moved = client.get("/payments", params={"f": "json"}).json()
    amounts = [one["amount"] for one in moved["moved"]]
    assert sorted(amounts) == sorted([1_250, *(one["amount"] for one in before["moved"])])
    assert prepaid(moved) == prepaid(before) + 1_250
    odd = send(client, "/payments", page, step="check", **(said | {"amount": "a lot"}))
    assert odd.status_code == 400
    assert "<code>amount</code>" in odd.text


def test_terms_that_the_form_lacks_are_not_lost_in_silence(town: Town, enter) -> None:
    client = enter("provider")
    made = []
    for purpose, count in (("isA", None), ("eq", 9)):
        left = "recipient" if purpose == "isA" else "purpose"
        said = [term(left, purpose, "university" if count is None else "research")]
        if count is None:
            said.append(term("recipient", "neq", "pty_01"))
        with town.client("provider") as program:
            answer = program.post(
                "/market/offers", json={"resource": "buildings", "policy": policy(*said)}
            )
        made.append(answer.json()["offer"])
    lacking, whole = (client.get("/offers/new", params={"replaces": one}) for one in made)
    assert "cannot show" in lacking.text
    assert 'name="partly"' in lacking.text
    assert "cannot show" not in whole.text
    assert re.search(r'value="research" checked', whole.text)
    for name in made:
        with town.client("provider") as program:
            program.delete(f"/market/offers/{name}")
