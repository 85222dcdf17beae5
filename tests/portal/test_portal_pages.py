"""Pages without scripts: what they say, to whom, in which language; forms and their guards."""

import json
import re
import time
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import pytest
from town import PASSWORD, Town

PAGES = (
    "/",
    "/search",
    "/search?q=trees&access=open",
    "/resources/trees",
    "/resources/buildings",
    "/map",
    "/evidence",
    "/evidence/0",
    "/verify",
    "/processes",
    "/processes/isochrone",
    "/sign-in",
    "/parties",
    "/about",
)
SignedIn = Callable[[str], httpx.Client]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("language", "html"), [("zh", "zh-CN"), ("en", "en")])
def test_page_speaks_the_language_and_keeps_it(
    reader: httpx.Client, path: str, language: str, html: str
) -> None:
    answer = reader.get(path, params={**httpx.URL(path).params, "lang": language})
    assert answer.status_code == 200
    assert f'<html lang="{html}"' in answer.text
    assert answer.headers["content-language"] == html
    assert answer.cookies["quanyu_lang"] == language
    again = reader.get(path)
    assert f'<html lang="{html}"' in again.text


def test_chinese_comes_first(city: Town) -> None:
    answer = httpx.get(city.url, headers={"accept": "text/html"}, verify=False)
    assert '<html lang="zh-CN"' in answer.text


@pytest.mark.parametrize(
    "path",
    ["/", "/search", "/resources/trees", "/evidence", "/map", "/processes", "/processes/buffer"],
)
def test_json_twin(reader: httpx.Client, path: str) -> None:
    assert reader.get(path, params={"f": "json"}).json()


@pytest.mark.parametrize("path", ["/", "/resources/trees", "/evidence"])
def test_times_are_the_city_s_and_their_marks_are_utc(reader: httpx.Client, path: str) -> None:
    times = re.findall(r'<time datetime="([^"]+)">([^<]+)</time>', reader.get(path).text)
    assert times
    for mark, text in times:
        assert mark.endswith("Z")
        here = datetime.fromisoformat(mark).astimezone(ZoneInfo("Asia/Shanghai"))
        assert text == f"{here:%Y-%m-%d %H:%M} UTC+8"


def test_resource_page_tells_the_access_before_any_click(reader: httpx.Client) -> None:
    open_page = reader.get("/resources/trees").text
    assert "Anybody may use it" in open_page
    assert "8 of 400 features" in open_page
    shut = reader.get("/resources/buildings").text
    assert "It is shared by agreement" in shut
    assert "agreement.none" in shut or "Rule that refused" in shut
    assert "House 1" not in shut


def test_agreement_shows_its_part_only(signed_in: SignedIn) -> None:
    page = signed_in("consumer").get("/resources/buildings").text
    assert "You see what your agreement shows" in page
    assert re.search(r"8 of \d+ features", page)
    assert "phone" not in page.partition("<main")[2].partition('id="use"')[0]


def test_snippets_run(city: Town, reader: httpx.Client) -> None:
    page = reader.get("/resources/trees").text
    url = re.search(r"curl &#34;(http[^&]*items\?f=geojson&amp;limit=100)", page)
    assert url is not None
    found = httpx.get(url[1].replace("&amp;", "&"), verify=False).json()
    assert len(found["features"]) == 100
    python = re.search(r"<code>(import json.*?)</code>", page, re.DOTALL)
    assert python is not None
    source = python[1].replace("&#34;", '"').replace("&#39;", "'").replace("&amp;", "&")
    exec(compile(source, "snippet", "exec"), {})


def test_refusal_is_a_page_with_rule_and_ways_on(reader: httpx.Client) -> None:
    answer = reader.get("/ogc/features/collections/buildings/items", params={"f": "html"})
    assert answer.status_code == 403
    assert "Rule that refused" in answer.text
    assert "/about#appeal" in answer.text


def test_sign_in_says_what_is_wrong_and_leads_back_only_here(
    city: Town, reader: httpx.Client
) -> None:
    wrong = reader.post("/sign-in", data={"login": "consumer", "password": "wrong", "back": "/"})
    assert wrong.status_code == 401
    assert "login or password is wrong" in wrong.text
    form = {"login": "consumer", "password": PASSWORD, "back": "//evil.example/"}
    right = reader.post("/sign-in", data=form)
    assert right.status_code == 303
    assert right.headers["location"] == "/"


def test_pages_for_members_ask_to_sign_in(reader: httpx.Client) -> None:
    for path in ("/agreements", "/tokens", "/publish", "/request/buildings"):
        answer = reader.get(path)
        assert answer.status_code == 401
        assert "/sign-in?back=" in answer.text


def csrf(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_request_approve_suspend(signed_in: SignedIn) -> None:
    asker, decider = signed_in("stranger"), signed_in("provider")
    page = asker.get("/request/buildings").text
    offer = re.search(r'name="offer" value="(off_[^"]+)"', page)
    assert offer is not None
    form = {"offer": offer[1], "statement": "to count storeys", "csrf_token": csrf(page)}
    made = asker.post("/request/buildings", data=form)
    assert made.status_code == 200
    path = made.url.path
    assert "Requested" in made.text

    assert path in decider.get("/agreements").text
    page = decider.get(path).text
    assert "to count storeys" in page
    revision = re.search(r'name="revision" value="(\d+)"', page)
    assert revision is not None
    decision = {"step": "approve", "revision": revision[1], "csrf_token": csrf(page)}
    assert "In force" in decider.post(path, data=decision).text
    again = decider.post(path, data=decision)
    assert again.status_code == 409

    time.sleep(0.6)
    assert "You see what your agreement shows" in asker.get("/resources/buildings").text
    page = decider.get(path).text
    revision = re.search(r'name="revision" value="(\d+)"', page)
    assert revision is not None
    hold = {"step": "suspend", "revision": revision[1], "csrf_token": csrf(page)}
    assert decider.post(path, data=hold).status_code == 400
    hold["reason"] = "to look into it"
    assert "Suspended" in decider.post(path, data=hold).text


def test_form_without_its_token_is_refused(signed_in: SignedIn) -> None:
    answer = signed_in("consumer").post(
        "/tokens", data={"name": "x", "scopes": "read", "days": "1"}
    )
    assert answer.status_code == 403


def test_token_is_shown_once_and_revoked(city: Town, signed_in: SignedIn) -> None:
    client = signed_in("consumer")
    page = client.get("/tokens").text
    form = {"name": "QGIS", "scopes": "read", "days": "30", "csrf_token": csrf(page)}
    issued = client.post("/tokens", data=form).text
    secret = re.search(r"<code>(qy_[^<]+)</code>", issued)
    assert secret is not None
    assert secret[1] not in client.get("/tokens").text
    bearer = {"authorization": f"Bearer {secret[1]}"}
    who = httpx.get(f"{city.url}/auth/whoami", headers=bearer, verify=False)
    assert who.json()["anonymous"] is False
    revoke = re.findall(r'action="(/tokens/tok_[^"]+/revoke)"', client.get("/tokens").text)[0]
    client.post(revoke, data={"csrf_token": csrf(page)})
    time.sleep(0.6)
    assert httpx.get(f"{city.url}/auth/whoami", headers=bearer, verify=False).status_code == 401


def test_publish_from_upload_to_page(signed_in: SignedIn) -> None:
    client = signed_in("provider")
    page = client.get("/publish").text
    rows = [f"第{number}校舍,{24.9 + number / 1000:.3f},60.16" for number in range(40)]
    table = "\n".join(["名称,经度,纬度", *rows, "坏行,254.9,60.17", ""])
    files = {"file": ("学校.csv", table.encode("gb18030"), "text/csv")}
    job = client.post("/publish", data={"csrf_token": csrf(page)}, files=files)
    assert job.status_code == 200
    path = job.url.path
    planned = wait_for(client, path, "planned")
    assert planned["plan"]["encoding"].lower() in {"gb18030", "gbk"}
    page = client.get(path).text
    assert "第0校舍" in page
    form = {
        "slug": "schools",
        "title_zh": "学校",
        "title_en": "Schools",
        "licence": "CC-BY-4.0",
        "access": "open",
        "csrf_token": csrf(page),
    }
    client.post(path, data=form)
    done = wait_for(client, path, "done")
    assert (done["rows"], done["rejects"]) == (40, 1)
    assert "Schools" in client.get("/resources/schools").text
    other = client.get("/publish")
    assert path in other.text


def test_nobody_publishes_into_the_dataset_of_another(signed_in: SignedIn) -> None:
    client = signed_in("consumer")
    page = client.get("/publish").text
    files = {"file": ("x.csv", b"name,lon,lat\na,24.9,60.1\n", "text/csv")}
    job = client.post("/publish", data={"csrf_token": csrf(page)}, files=files).url.path
    wait_for(client, job, "planned")
    form = {
        "slug": "trees",
        "title_en": "Mine",
        "licence": "CC-BY-4.0",
        "access": "open",
        "csrf_token": csrf(page),
    }
    assert client.post(job, data=form).status_code == 403
    assert signed_in("stranger").get(job).status_code == 404


def test_a_file_of_the_server_is_no_source(signed_in: SignedIn) -> None:
    client = signed_in("provider")
    page = client.get("/publish").text
    for url in ("/etc/passwd", "file:///etc/passwd"):
        answer = client.post("/publish", data={"url": url, "csrf_token": csrf(page)})
        assert answer.status_code == 400


def wait_for(client: httpx.Client, path: str, stage: str) -> dict[str, object]:
    for _ in range(450):
        said = client.get(path, params={"f": "json"}).json()
        if said["stage"] == stage:
            return dict(said)
        assert said["stage"] in {"inspecting", "running", "planned"}, said
        time.sleep(0.2)
    raise AssertionError(f"the job did not come to {stage}")


def test_server_checks_receipts(receipt: str, reader: httpx.Client) -> None:
    good = reader.post("/verify", data={"text": receipt})
    assert "The receipt is genuine" in good.text
    broken = json.loads(receipt)
    broken["leaf"] = broken["leaf"].replace('"rows":', '"rows":1')
    bad = reader.post("/verify", data={"text": json.dumps(broken)})
    assert "The receipt is not genuine" in bad.text
