"""Work orders, allocation and assets over HTTP and in a browser, by a real server."""

import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import httpx
import pytest
from icalendar import Calendar
from PIL import Image
from playwright.sync_api import Page, expect
from town import Town

from looking import looked_over

SignedIn = Callable[[str], httpx.Client]
HOSTILE = "<script>alert(1)</script>{{ 7*7 }}"
CHINA = timezone(timedelta(hours=8))
TABLE = (
    "id,name,template,parent,lon,lat,power_w\n"
    "S1,人民路,street,,,,\n"
    "P1,=1号灯杆,pole,S1,24.93,60.17,\n"
    "L1,1号路灯,lamp,P1,24.93,60.17,70\n"
)
pytestmark = pytest.mark.browser


def send(client: httpx.Client, page: str, to: str = "", **more: object) -> httpx.Response:
    """Send a form of a page, with the page's own guard."""
    files = more.pop("files", None)
    found = re.search(r'name="csrf_token" value="([^"]*)"', client.get(page).text)
    assert found
    return client.post(to or page, data={"csrf_token": found[1], **more}, files=files)  # type: ignore[arg-type]


def picture() -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "A telephone"
    Image.new("RGB", (640, 480), "seagreen").save(out, "JPEG", exif=exif)
    return out.getvalue()


@pytest.fixture(scope="module")
def made(city: Town) -> dict[str, str]:
    """An order with a photo, a capacity, an allocation and an inventory; their ids."""
    found = {}
    with city.client("consumer") as consumer, city.client("provider") as provider:
        resource = provider.get("/resources/trees?f=json").json()["resource"]["id"]
        order = consumer.post(
            "/api/work-orders",
            json={
                "category": "greenery", "title": HOSTILE, "resource": resource, "lon": 24.93,
                "lat": 60.17, "address": "=cmd", "thing": "t0001", "priority": "high",
            },
        )  # fmt: skip
        assert order.status_code == 201, order.text
        found["order"] = order.json()["id"]
        sent = consumer.post(
            f"/api/work-orders/{found['order']}/photos",
            content=picture(),
            headers={"content-type": "image/jpeg"},
        )
        assert sent.status_code == 201, sent.text
        found["photo"] = sent.json()["photos"][0]["href"]
        hours = {str(day): "09:00-12:00,14:00-18:00" for day in range(1, 8)}
        offer = {"name": {"zh": "大厅", "en": "Hall"}, "unit": "间", "hours": hours, "amount": 1}
        capacity = provider.post("/api/resources/trees/capacities", json=offer)
        assert capacity.status_code == 201, capacity.text
        found["capacity"] = capacity.json()["id"]
        day = (datetime.now(CHINA) + timedelta(days=9)).replace(
            hour=9, minute=0, second=0, microsecond=0
        )
        found["day"] = f"{day:%Y-%m-%d}"
        asked = consumer.post(
            f"/api/capacities/{found['capacity']}/allocations",
            json={"since": day.isoformat(), "until": (day + timedelta(hours=2)).isoformat()},
        )
        assert asked.status_code == 201, asked.text
        found["allocation"] = asked.json()["id"]
        brought = provider.post("/api/resources/trees/assets/import", content=TABLE.encode())
        assert brought.json() == {"added": 3, "changed": 0, "same": 0}
    return found


def places(made: dict[str, str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Addresses to read, and to write to, that are nobody's but who is concerned."""
    order, one = made["order"], made["allocation"]
    read = [
        f"/work-orders/{order}", f"/work-orders/{order}?f=json", f"/api/work-orders/{order}",
        made["photo"], f"/allocations/{one}", f"/api/allocations/{one}", "/assets/trees",
        "/assets/trees?f=json", "/assets/trees/P1", "/api/resources/trees/assets",
        "/api/resources/trees/assets/P1",
    ]  # fmt: skip
    base = "/api/resources/trees/assets"
    write = [
        ("POST", f"/api/work-orders/{order}/moves"), ("POST", f"/api/work-orders/{order}/photos"),
        ("POST", f"/api/allocations/{one}/moves"), ("PUT", f"/api/capacities/{made['capacity']}"),
        ("POST", "/api/resources/trees/capacities"), ("POST", base), ("POST", f"{base}/import"),
        ("PUT", f"{base}/P1"), ("PUT", f"{base}/P1/hours"), ("POST", f"{base}/P1/plans"),
        ("DELETE", f"{base}/P1/plans/x"), ("POST", f"{base}/P1/entries"),
        ("PUT", "/api/resources/trees/asset-readers"),
    ]  # fmt: skip
    return read, write


BODIES: dict[str, object] = {
    "moves": {"move": "cancel", "note": "x"},
    "capacities": {"name": "x", "unit": "x", "hours": {"1": "09:00-10:00"}},
    "assets": {"id": "bad", "name": "bad", "template": "group"},
    "P1": {"name": "bad", "template": "pole"},
    "hours": {"hours": 99},
    "plans": {"title": "bad", "every_days": 1},
    "entries": {"kind": "cost", "since": "2026-01-01", "until": "2026-01-02", "amount": 1},
    "asset-readers": {"readers": []},
}


def body(path: str) -> dict[str, object]:
    """What would be right to send there."""
    last = path.rsplit("/", 1)[-1]
    if last == "import":
        return {"content": b"id,template\nbad,group"}
    if last == "photos":
        return {"content": picture()}
    return {"json": BODIES.get(last, BODIES["capacities"])}


def test_strangers_see_and_change_nothing(city: Town, made: dict[str, str]) -> None:
    read, write = places(made)
    everybody = ("/work-orders", "/work-orders.csv", "/work-orders/statistics", "/allocations",
                 "/allocations.ics", "/assets", "/api/work-orders", "/api/allocations",
                 "/api/work-orders/figures", "/api/work-orders/categories")  # fmt: skip
    with city.client("stranger") as stranger, city.client() as nobody:
        for path in read:
            assert stranger.get(path).status_code == 404, path
            assert nobody.get(path).status_code == 401, path
        for method, path in write:
            sent = stranger.request(method, path, **body(path))  # type: ignore[arg-type]
            assert sent.status_code in (403, 404), (path, sent.text)
            sent = nobody.request(method, path, **body(path))  # type: ignore[arg-type]
            assert sent.status_code == 401, (path, sent.text)
        for path in everybody:
            assert nobody.get(path).status_code == 401, path
            shown = stranger.get(path)
            assert shown.status_code == 200, path
            for secret in (made["order"], made["allocation"], "alert(1)", "1号灯杆"):
                assert secret not in shown.text
        assert stranger.get("/api/work-orders/figures").json()["figures"] == []
        assert nobody.post("/api/work-orders", json={"title": "x"}).status_code == 401
    with city.client("provider") as provider:
        assert provider.get("/api/resources/trees/assets").json()["items"][0]["id"] == "S1"
        assert "bad" not in provider.get("/api/resources/trees/assets").text


def test_errors_name_the_field(city: Town, made: dict[str, str]) -> None:
    with city.client("consumer") as consumer:
        for said, field in (
            ({"category": "greenery"}, "title"),
            ({"title": "x", "category": "nothing"}, "category"),
            ({"title": "x", "category": "road", "priority": "now"}, "priority"),
            ({"title": "x", "category": "road", "lon": "east"}, "lon"),
            ({"title": "x", "category": "road", "nothing": 1}, "nothing"),
            ({"title": "x", "category": "road", "source": "alert"}, "source"),
        ):
            answer = consumer.post("/api/work-orders", json=said)
            assert answer.status_code == 400, said
            assert answer.json()["field"] == field
        for query, field in (("state=gone", "state"), ("limit=0", "limit"), ("x=1", "x"),
                             ("since=soon", "since"), ("after=x", "after")):  # fmt: skip
            answer = consumer.get(f"/api/work-orders?{query}")
            assert (answer.status_code, answer.json()["field"]) == (400, field)
        moves = f"/api/work-orders/{made['order']}/moves"
        assert consumer.post(moves, json={"move": "accept"}).json()["rule"] == "work-orders.move"
        assert consumer.post(moves, json={"move": "check"}).status_code == 409
        photos = f"/api/work-orders/{made['order']}/photos"
        assert consumer.post(photos, content=b"<svg/>").status_code == 415
        again = {"since": f"{made['day']}T09:00", "until": f"{made['day']}T10:00"}
        taken = consumer.post(f"/api/capacities/{made['capacity']}/allocations", json=again)
        assert (taken.status_code, taken.json()["rule"]) == (409, "allocations.conflict")


def test_the_course_in_pages_without_scripts(signed_in: SignedIn, made: dict[str, str]) -> None:
    consumer, provider, node = signed_in("consumer"), signed_in("provider"), signed_in("node")
    page = f"/work-orders/{made['order']}"
    shown = provider.get(page).text
    assert "<script>alert(1)" not in shown
    assert "&lt;script&gt;alert(1)" in shown
    assert "{{ 7*7 }}" in shown
    photo = provider.get(made["photo"])
    assert photo.headers["content-type"] == "image/jpeg"
    assert b"A telephone" not in photo.content
    assert "A reason is needed" in send(provider, page, move="return").text
    assert 'role="alert"' in send(provider, page, move="return").text
    for client, move in ((provider, "accept"), (provider, "start"), (provider, "finish"),
                         (consumer, "check"), (consumer, "close")):  # fmt: skip
        assert send(client, page, move=move, note="all right").status_code == 200
    assert "Case closed" in consumer.get(page).text
    # From another site nothing is taken.
    assert consumer.post(page, data={"move": "reopen", "note": "x"}).status_code == 403
    table = node.get("/work-orders.csv").text
    assert made["order"] in table
    assert "'=cmd" in table
    figures = node.get("/work-orders/statistics?f=json").json()
    assert figures["all"]["on_time"] == 1.0
    made_of = send(
        consumer, "/resources/trees/corrections", wrong="the tree is not there", record="t0002"
    )
    correction = str(made_of.url).rsplit("/", 1)[-1]
    form = f"/work-orders/new?correction={correction}"
    opened = send(
        provider, form, to="/work-orders/new", title="Look at the tree", category="greenery",
        correction=correction,
    )  # fmt: skip
    assert "/work-orders/wko_" in str(opened.url)
    assert "Accepted, to be corrected" in consumer.get(f"/corrections/{correction}").text


def test_allocation_and_assets_in_pages(signed_in: SignedIn, made: dict[str, str]) -> None:
    consumer, provider = signed_in("consumer"), signed_in("provider")
    page = f"/allocations/{made['allocation']}"
    assert send(provider, page, move="approve").status_code == 200
    calendar = Calendar.from_ical(consumer.get("/allocations.ics").content)
    (event,) = calendar.walk("VEVENT")
    assert event["status"] == "CONFIRMED"
    assert event.decoded("dtend") - event.decoded("dtstart") == timedelta(hours=2)
    week = f"/allocations/capacities/{made['capacity']}?week={made['day']}"
    assert "full" in consumer.get(week).text
    assert consumer.get(f"/allocations/capacities/{made['capacity']}?week=x").status_code == 400
    assert send(consumer, page, move="cancel").status_code == 200
    assert "full" not in consumer.get(week).text.split("<table")[1].split("</table>")[0]
    asset = "/assets/trees/P1"
    assert (
        send(provider, asset, step="plan", title="Look at it", every_days="90").status_code == 200
    )
    entry = {"step": "entry", "kind": "cost", "since": "2026-01-01", "until": "2026-01-31"}
    assert "¥" in send(provider, asset, **entry, amount="12.50").text
    assert 'role="alert"' in send(provider, asset, **entry, amount="12.505").text
    assert "¥ 12.50" in provider.get("/assets/trees/S1").text
    of_map = {"file": ("a.csv", b"id\nway/7", "text/csv")}
    assert (
        send(provider, "/assets/trees", step="import", template="group", files=of_map).status_code
        == 200
    )
    kept = send(provider, "/assets/trees/way/7", step="hours", hours="12")
    assert kept.status_code == 200
    assert "way/7" in kept.text
    bad = {"file": ("a.csv", b"id\nway/plans", "text/csv")}
    refused = send(provider, "/assets/trees", step="import", template="group", files=bad)
    assert refused.status_code == 400
    assert "an id with slashes" in refused.text


@pytest.mark.parametrize("language", ["zh", "en"])
def test_pages_are_for_everybody(
    opened: Callable[..., Page], made: dict[str, str], language: str
) -> None:
    page = opened("/about", language, who="node")
    pages = (
        "/work-orders", f"/work-orders/{made['order']}", "/work-orders/new?resource=trees",
        "/work-orders/statistics", "/work-orders?view=list",
        "/allocations", f"/allocations/{made['allocation']}",
        f"/allocations/capacities/{made['capacity']}",
        "/allocations/capacities/new?resource=trees",
        "/assets", "/assets/trees", "/assets/trees/P1",
    )  # fmt: skip
    found = []
    for path in pages:
        found += looked_over(page, path, language)
    assert not found


def test_a_place_is_chosen_on_the_map(opened: Callable[..., Page]) -> None:
    page = opened("/work-orders/new?resource=trees", "en", 1440, who="consumer")
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"longitude": 24.931, "latitude": 60.171})
    page.wait_for_selector("#place-bar:not([hidden])")
    page.click("#place-here")
    expect(page.locator("#lon")).to_have_value("24.931000")
    page.click("#place-map", position={"x": 60, "y": 60})
    expect(page.locator("#lon")).not_to_have_value("24.931000")
    page.fill("#title", "A branch fell")
    page.select_option("#category", "greenery")
    page.click("form[action='/work-orders/new'] button:not([type])")
    page.wait_for_url("**/work-orders/wko_*")
    assert page.locator("#place-map").is_visible()
