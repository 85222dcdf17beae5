"""The market over real HTTP: prices, reported uses, statements; strangers see nothing of others."""

import json
import re
import time
from collections.abc import Iterator

import httpx
import pytest
from town import Town, policy

from quanyu import app as composition
from quanyu.agreements import approve, create_offer, request_agreement
from quanyu.kernel import iso, now
from quanyu.market import (
    cover_prepaid,
    deposit,
    meter_log,
    period_of,
    price_offer,
    settle,
    verify_statement,
)

PLAN = {"kind": "per-use", "price": 250}


@pytest.fixture(scope="module")
def sold(town: Town) -> Iterator[dict[str, str]]:
    """An agreement with a price, priced over HTTP, and settled uses under it."""
    control = town.control()
    provider, consumer = town.callers["provider"], town.callers["consumer"]
    with control.begin() as session:
        offer = create_offer(session, provider, "buildings", policy())
    with town.client("provider") as client:
        path = f"/market/offers/{offer.id}/price"
        wrong = client.put(path, json={"plan": {"kind": "per-use"}})
        assert (wrong.status_code, wrong.json()["field"]) == (400, "plan.price")
        assert client.put(path, json={"plan": PLAN}).status_code == 200
        assert client.put(path, json={"plan": PLAN}).status_code == 200
        again = client.put(path, json={"plan": PLAN | {"price": 1}})
        assert (again.status_code, again.json()["rule"]) == (409, "offer.priced")
    with control.begin() as session:
        asked = request_agreement(session, consumer, offer.id, statement="to plan")
        agreed = approve(session, provider, asked.id)
    use = {"id": "call-1", "agreement": agreed.id, "at": iso(now()), "rows": 3, "bytes": 9}
    with town.client("provider") as client:
        first = client.post("/market/uses", json={"uses": [use]})
        assert (first.status_code, first.json()) == (200, {"fresh": 1, "known": 0})
        assert client.post("/market/uses", json={"uses": [use]}).json() == {"fresh": 0, "known": 1}
        other = client.post("/market/uses", json={"uses": [use | {"rows": 4}]})
        assert (other.status_code, other.json()["rule"]) == (409, "meter.idempotent")
        for name, value in (("at", "yesterday"), ("rows", "many"), ("id", 7), ("colour", 1)):
            assert client.post("/market/uses", json={"uses": [use | {name: value}]}).is_client_error
    settings = town.settings
    log = composition.open_log(settings)
    meter_log(control, log, settings.time_zone)
    settle(control, period_of(now(), settings.time_zone), settings.time_zone, early=True)
    log.close()
    control.close()
    yield {"offer": offer.id, "agreement": agreed.id}
    town.end(agreed.id, "provider")


def codes(client: httpx.Client, kind: str) -> list[str]:
    said = client.get("/statements", params={"f": "json", "kind": kind}).json()
    return [row["code"] for row in said["rows"]]


def test_the_price_is_public_and_shown_before_the_request(town: Town, sold) -> None:
    with town.client() as anybody:
        said = anybody.get("/prices", params={"f": "json"}).json()["rows"]
        assert [row["words"] for row in said if row["offer"] == sold["offer"]] == [
            ["2.50 yuan for each 1 requests"]
        ]
        guess = anybody.get("/what-if", params={"offer": sold["offer"], "uses": 4, "f": "json"})
        assert guess.json()["chosen"]["amount"] == 1_000
        assert guess.json()["chosen"]["shares"] == []
        assert anybody.get("/what-if", params={"offer": sold["offer"], "uses": "x"}).is_client_error
    with town.client("stranger") as client:
        assert "2.50 yuan" in client.get("/request/buildings").text
    with town.client("consumer") as client:
        said = client.get(f"/agreements/{sold['agreement']}", params={"f": "json"}).json()
        assert (said["price"]["uses"], said["price"]["estimate"]) == (1, 250)


def test_a_statement_is_fetched_and_checked_offline(town: Town, sold) -> None:
    with town.client("provider") as client:
        code = codes(client, "statement")[0]
        for _ in range(900):
            answer = client.get(f"/statements/{code}/file")
            if answer.status_code == 200:
                break
            assert answer.status_code == 503
            time.sleep(0.1)  # until the log has taken all of it in
        key = client.get("/log/key").text.strip()
        outcome = verify_statement(answer.content, key)
        assert outcome.ok, outcome.steps[-1]
        assert "250" in " ".join(step.said for step in outcome.steps)
        page = client.get(f"/statements/{code}")
        assert "2.50" in page.text
        broken = json.loads(answer.content)
        broken["statement"]["due"] += 1
        said = client.post("/verify", json=broken).json()
        assert not said["ok"]


def test_strangers_see_no_statement_and_report_nothing(town: Town, sold) -> None:
    with town.client("consumer") as client:
        invoice = codes(client, "invoice")[0]
        assert "2.50" in client.get(f"/statements/{invoice}").text
    use = {"id": "call-9", "agreement": sold["agreement"], "at": iso(now())}
    for who in (None, "stranger"):
        with town.client(who) as client:
            for path in (f"/statements/{invoice}", f"/statements/{invoice}/file"):
                assert client.get(path).status_code == (401 if who is None else 404)
            assert client.post("/market/uses", json={"uses": [use]}).is_client_error
            path = f"/market/offers/{sold['offer']}/price"
            assert client.put(path, json={"plan": PLAN}).status_code in (401, 403)
            assert client.get(f"/contributions/val_{'0' * 26}").status_code in (401, 404)
    with town.client("stranger") as client:
        assert codes(client, "invoice") == []


def test_an_offer_is_put_forward_and_replaced_by_programs(town: Town, sold) -> None:
    said = {"resource": "buildings", "policy": policy(), "plan": PLAN, "level": {"en": "99 %"}}
    for who in (None, "stranger", "consumer"):
        with town.client(who) as client:
            assert client.post("/market/offers", json=said).status_code in (401, 403)
            assert client.delete(f"/market/offers/{sold['offer']}").status_code in (401, 403)
    with town.client("provider") as client:
        made = client.post("/market/offers", json=said)
        assert (made.status_code, made.json()["level"]["en"]) == (201, "99 %")
        first = made.json()["offer"]
        wrong = client.post("/market/offers", json=said | {"plan": {"kind": "free", "price": 1}})
        assert (wrong.status_code, wrong.json()["field"]) == (400, "plan.price")
        for name, value in (("policy", []), ("resource", 1), ("level", {"de": "x"})):
            assert client.post("/market/offers", json=said | {name: value}).status_code == 400
        new = client.post("/market/offers", json=said | {"replaces": first}).json()["offer"]
        again = client.post("/market/offers", json=said | {"replaces": first})
        assert again.status_code == 409
        gone = client.delete(f"/market/offers/{new}")
        assert (gone.status_code, gone.json()["open"]) == (200, False)


def test_the_api_definition_describes_market_algorithms_and_dataspace(town: Town) -> None:
    with town.client() as anybody:
        paths = anybody.get("/api").json()["paths"]
    served = {"/market/uses", "/market/offers/{offer}/price", "/algorithms/{name}/runs",
              "/runs/{name}/decision", "/dsp/negotiations/{pid}/agreement"}  # fmt: skip
    assert served <= paths.keys()


def test_what_the_bank_did_is_written_down_by_the_node_s_steward_alone(town: Town, sold) -> None:
    """Payments and payouts are shown back, and booked once confirmed; a bad amount is named."""
    with town.client("consumer") as client:
        invoice = codes(client, "invoice")[0]
    with town.client("node") as client:

        def held(name: str) -> list[int]:
            rows = client.get("/payments", params={"f": "json"}).json()["open"]
            return [row["open"] for row in rows if row["code"] == name]

        before = held(invoice)[0]
        paid = {"kind": "payment", "invoice": invoice, "amount": "1.00", "reference": "bank 1"}
        for who in (None, "stranger", "provider"):
            with town.client(who) as other:
                answers = [
                    other.get("/payments"),
                    other.post("/payments", data=paid | {"step": "book"}),
                ]
            assert [one.status_code for one in answers] == [401 if who is None else 403] * 2
        of = str(town.callers["provider"].party)
        for kind in ("deposit", "payment", "payout"):
            for amount in ("", "x", "-1", "1.005"):
                form = paid | {"kind": kind, "party": of, "amount": amount, "step": "book"}
                refused = client.post("/payments", data=form)
                assert refused.status_code == 400, (kind, amount)
                assert "<code>amount</code>" in refused.text
        over = client.post("/payments", data=paid | {"amount": "9999.00", "step": "book"})
        assert over.is_client_error
        assert client.post("/payments", data=paid).status_code == 200
        assert held(invoice) == [before]
        assert client.post("/payments", data=paid | {"step": "book"}).status_code == 303
        assert held(invoice) == [before - 100]

        out = {"kind": "payout", "party": of, "amount": "0.50", "reference": "out 1"}
        assert client.post("/payments", data=out | {"step": "book"}).status_code == 303
        assert client.get("/payments", params={"f": "json"}).json()["payouts"]
        done = {"kind": "payout-end", "reference": "out 1", "outcome": "failed", "step": "book"}
        assert client.post("/payments", data=done).status_code == 303
        assert not client.get("/payments", params={"f": "json"}).json()["payouts"]


def test_a_credit_note_is_issued_once_by_the_provider_and_no_larger_than_the_line(
    town: Town, sold
) -> None:
    with town.client("provider") as client:
        statement, line = next(
            (code, line)
            for code in codes(client, "statement")
            for line in client.get(f"/statements/{code}", params={"f": "json"}).json()["lines"]
            if line["agreement"] == sold["agreement"]  # other tests have sold in this town too
        )
        path = f"/statements/{statement}/credit"
        note = {"line": line["line"], "amount": "0.50", "reason": "an hour was missing"}
        for who in (None, "stranger", "consumer"):
            with town.client(who) as other:
                for step in ("check", "book"):
                    refused = other.post(path, data=note | {"step": step, "credited": "0"})
                    assert refused.status_code == (401 if who is None else 404), who
        for amount in ("", "x", "-1", "9999.00"):
            refused = client.post(path, data=note | {"amount": amount})
            assert refused.is_client_error, amount
            assert "<code>amount</code>" in refused.text
        # What was not looked at is not issued.
        assert client.post(path, data=note | {"step": "book"}).status_code == 400
        shown = client.post(path, data=note)
        assert shown.status_code == 200
        with town.client("consumer") as other:
            assert not codes(other, "credit-note")
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', shown.text))
        assert client.post(path, data=fields | {"step": "book"}).status_code == 303
        again = client.post(path, data=fields | {"step": "book"})
        assert again.status_code == 409
        assert "credit.once" in again.text
    with town.client("consumer") as other:
        (code,) = codes(other, "credit-note")
        assert "an hour was missing" in other.get(f"/statements/{code}").text


def test_a_use_is_refused_while_the_prepaid_balance_is_used_up(town: Town) -> None:
    """The problem names the rule; what is paid in advance lets uses through again."""
    control = town.control()
    provider, consumer = town.callers["provider"], town.callers["consumer"]
    with control.begin() as session:
        offer = create_offer(session, provider, "buildings", policy())
        price_offer(session, provider, offer.id, {"kind": "prepaid", "price": 100})
        asked = request_agreement(session, consumer, offer.id, statement="to plan")
        agreed = approve(session, provider, asked.id)
    zone = town.settings.time_zone
    params = {"limit": 1, "agreement": agreed.id}

    def ask(client: httpx.Client, status: int) -> httpx.Response:
        """Ask until the gate has heard of the balance."""
        for _ in range(900):
            answer = client.get("/ogc/features/collections/buildings/items", params=params)
            if answer.status_code == status:
                break
            time.sleep(0.1)
        return answer

    try:
        cover_prepaid(control, zone)
        with town.client("consumer") as client:
            refused = ask(client, 403)
            assert refused.status_code == 403, refused.text
            assert refused.json()["rule"] == "agreement.uncovered"
            assert "buildings" not in refused.text.replace(refused.json()["instance"], "")
            with control.begin() as session:
                deposit(session, town.callers["node"], str(consumer.party), 500, "paid ahead")
            cover_prepaid(control, zone)
            answer = ask(client, 200)
            assert answer.status_code == 200, answer.text
            assert answer.json()["numberReturned"] == 1
    finally:
        control.close()
        town.end(agreed.id, "provider")
