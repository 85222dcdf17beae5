"""Desks, kinds, products and the catalogue sheet through the served pages."""

import csv
import io
import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page

from looking import looked_over

Opened = Callable[..., Page]
SignedIn = Callable[[str], httpx.Client]
PUBLIC = ("/statistics", "/schemas", "/codes", "/products")
OF = {
    "node": ("/desk", "/desk/bureau", "/desk/reviewer", "/desk/auditor"),
    "provider": ("/desk/supplier", "/catalogue-sheet", "/products/new", "/register/stream"),
    "consumer": ("/desk/consumer", "/register/airspace"),
}


def csrf(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return found[1]


@pytest.mark.parametrize("path", [path for paths in OF.values() for path in paths])
def test_strangers_are_sent_to_sign_in(reader: httpx.Client, path: str) -> None:
    assert reader.get(path).status_code in {303, 401}


@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("consumer", "/desk/bureau"),
        ("provider", "/desk/bureau"),
        ("provider", "/desk/reviewer"),
        ("provider", "/desk/auditor"),
        ("consumer", "/desk/supplier"),
        ("provider", "/desk/bureau/coverage.csv"),
    ],
)
def test_desks_of_others_are_refused_by_a_rule(signed_in: SignedIn, who: str, path: str) -> None:
    answer = signed_in(who).get(path)
    assert answer.status_code == 403
    assert "desk.role" in answer.text


def test_each_desk_answers_and_has_a_twin(signed_in: SignedIn) -> None:
    for who, paths in OF.items():
        client = signed_in(who)
        for path in paths:
            assert client.get(path).status_code == 200, path
        for path in (one for one in paths if "/desk" in one):
            assert client.get(path, params={"f": "json"}).json(), path


def test_the_public_sees_only_what_is_public(reader: httpx.Client, signed_in: SignedIn) -> None:
    public = reader.get("/statistics", params={"f": "json"}).json()["bureau"]
    assert "deadlines" not in public["figures"]
    assert public["alike"] == []
    everything = signed_in("node").get("/desk/bureau", params={"f": "json"}).json()["bureau"]
    assert len(everything["strip"]) > len(public["strip"])
    table = reader.get("/statistics/coverage.csv")
    rows = list(csv.reader(io.StringIO(table.text.lstrip("\ufeff"))))
    assert rows[0][-1] == "Together"
    assert rows[-1][0] == "Catalogue of this node"
    assert reader.get("/statistics/nothing.csv").status_code == 404


@pytest.mark.parametrize(
    ("who", "path", "field"),
    [
        ("", "/statistics?party=pty_%00", "party"),
        ("", "/statistics?party=pty_x&days=30", "party"),
        ("", "/statistics?days=never", "days"),
        ("", "/statistics/coverage.csv?days=-1", "days"),
        ("", "/search?access=everybody", "access"),
        ("", "/corrections?show=%3Cscript%3E", "show"),
        ("node", "/desk?days=31", "days"),
        ("node", "/desk/bureau?party=nobody", "party"),
        ("node", "/desk/bureau/coverage.csv?party=nobody", "party"),
        ("node", "/review?state=lost", "state"),
        ("node", "/review?kind=none", "kind"),
        ("node", "/review?provider=pty_x", "provider"),
        ("node", "/review?assigned=you", "assigned"),
        ("node", "/review?overdue=maybe", "overdue"),
        ("node", "/review?sort=sideways", "sort"),
        ("node", "/audit?kind=none", "kind"),
        ("node", "/audit.csv?kind=none", "kind"),
        ("provider", "/applications?state=lost", "state"),
        ("provider", "/impact?days=1", "days"),
        ("provider", "/notices?topic=weather", "topic"),
        ("provider", "/notices?unread=perhaps", "unread"),
    ],
)
def test_a_filter_that_is_not_understood_is_named(
    reader: httpx.Client, signed_in: SignedIn, who: str, path: str, field: str
) -> None:
    """It must not show more than was asked for."""
    client = signed_in(who) if who else reader
    answer = client.get(path, headers={"accept": "application/json"})
    assert answer.status_code == 400, answer.text
    problem = answer.json()
    assert problem["field"] == field, problem
    assert problem["mend"]
    page = client.get(path, headers={"accept": "text/html"})
    assert page.status_code == 400
    assert field in page.text


def test_nothing_is_done_under_a_filter_that_is_not_understood(signed_in: SignedIn) -> None:
    client = signed_in("node")
    token = csrf(client.get("/account").text)
    answer = client.post("/review?state=lost", data={"csrf_token": token, "step": "accept"})
    assert answer.status_code == 400
    assert client.get("/review?state=any&sort=newest&overdue=1").status_code == 200


def test_figures_say_the_same_without_scripts(reader: httpx.Client) -> None:
    page = reader.get("/statistics").text
    assert page.count("<figure") == page.count("Figures as a table") + page.count("chart-empty")
    assert "Source: Catalogue of this node" in page


def test_a_kind_is_registered_by_its_form(signed_in: SignedIn) -> None:
    client = signed_in("provider")
    form = {
        "csrf_token": csrf(client.get("/register/stream").text),
        "slug": "air-quality",
        "title_en": "Air quality",
        "licence": "by-agreement",
        "access": "restricted",
        "update_cycle": "real-time",
        "attributes/$schema": "urn:quanyu:schema:stream:1",
        "attributes/observedProperty/name": "PM2.5 <script>alert(1)</script>",
        "attributes/samplingPeriod": "every minute",
        "attributes/sensor/model": "X1",
    }
    wrong = client.post("/register/stream", data=form)
    assert wrong.status_code == 400
    assert "attributes/samplingPeriod" in wrong.text
    assert 'value="every minute"' in wrong.text
    made = client.post("/register/stream", data=form | {"attributes/samplingPeriod": "PT1M"})
    assert made.status_code == 200
    assert made.url.path == "/resources/air-quality"
    assert "PT1M" in made.text
    assert "<script>alert" not in made.text
    assert client.post("/register/stream", data=form | {"csrf_token": "x"}).status_code == 403
    assert client.get("/register/cloud").status_code == 404


def test_schemas_are_served(reader: httpx.Client) -> None:
    answer = reader.get("/schemas/stream/1.json")
    assert answer.headers["content-type"].startswith("application/schema+json")
    assert answer.json()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for path in ("/schemas/stream/9.json", "/schemas/cloud/1.json", "/schemas/stream/x.json"):
        assert reader.get(path).status_code == 404


def test_a_product_is_made_listed_and_shown_on_its_resource(
    signed_in: SignedIn, reader: httpx.Client
) -> None:
    client = signed_in("provider")
    page = client.get("/products/new?source=trees").text
    source = re.search(r'name="sources" value="(res_\w+)" checked', page)
    assert source
    form = {
        "csrf_token": csrf(page),
        "title_en": "Tree index",
        "delivery": "api",
        "sources": source[1],
        "dictionary": "index | number | 指数 | 1",
        "sample": "{}",
    }
    made = client.post("/products/new", data=form)
    path = made.url.path
    assert "index" in made.text
    assert reader.get(path).status_code == 404
    listed = client.post(path, data={"csrf_token": csrf(made.text), "act": "list"})
    assert "Delist" in listed.text
    assert "Tree index" in reader.get(path).text
    assert "Tree index" in reader.get("/products").text
    assert path in reader.get("/resources/trees").text
    stranger = signed_in("stranger")
    refused = stranger.post(
        path, data={"csrf_token": csrf(stranger.get("/account").text), "act": "delist"}
    )
    assert refused.status_code == 403
    empty = client.post("/products/new", data=form | {"sources": ""})
    assert empty.status_code in {400, 404}


def test_the_sheet_goes_out_and_in(signed_in: SignedIn) -> None:
    client = signed_in("provider")
    out = client.get("/catalogue-sheet.xlsx")
    assert out.content[:2] == b"PK"
    token = csrf(client.get("/catalogue-sheet").text)
    head = "信息资源名称,信息资源代码,共享类型,是否向社会开放"
    good = f"{head}\n路灯,209/1,无条件共享,是\n井盖,209/2,乱写,否".encode()
    plan = client.post(
        "/catalogue-sheet", data={"csrf_token": token}, files={"file": ("a.csv", good)}
    )
    assert "Nothing has been written yet" in plan.text
    assert "共享类型" in plan.text
    assert client.get("/resources/gov-209-1").status_code == 404
    assert signed_in("consumer").get(plan.url.path).status_code == 404
    done = client.post(plan.url.path, data={"csrf_token": token, "take": "good"})
    assert "1 new drafts" in done.text
    assert client.get("/resources/gov-209-1").status_code == 200
    bad = client.post(
        "/catalogue-sheet", data={"csrf_token": token}, files={"file": ("a.xlsx", b"PK\x03\x04")}
    )
    assert bad.status_code == 400


@pytest.mark.browser
@pytest.mark.parametrize("language", ["zh", "en"])
def test_desks_are_for_everybody(opened: Opened, language: str) -> None:
    found = []
    for who, paths in {"": PUBLIC, **OF}.items():
        page = opened("/about", language, who=who)
        for path in paths:
            found += looked_over(page, path, language, dark=language == "zh")
    assert not found
