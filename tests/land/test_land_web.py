"""Checks over HTTP: the record, its evidence, who sees it, and what a report never tells."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import shapely
from pypdf import PdfReader
from town import BELIEVED, Town, term
from town_land import Y, box

from quanyu.evidence import verify_document
from warm import warm_quanyu

SHAPE = box(1, 1, 2, 2)
ON_FARMLAND = box(8.5, 6, 9.5, 7)


def asked(shape: Any = SHAPE, **more: Any) -> dict[str, Any]:
    geometry = json.loads(shapely.to_geojson(shape))
    return {"name": "新建住宅", "geometry": geometry, "use": "0701", "height_m": 40, **more}


def findings(record: dict[str, Any]) -> dict[str, Any]:
    return {one["rule"]: one for one in record["report"]["findings"]}


@pytest.fixture(scope="module")
def consumer(land: Town) -> Iterator[httpx.Client]:
    with land.client("consumer") as client:
        yield client


@pytest.fixture(scope="module")
def provider(land: Town) -> Iterator[httpx.Client]:
    with land.client("provider") as client:
        yield client


def checked(client: httpx.Client, *arguments: Any, **more: Any) -> dict[str, Any]:
    answer = client.post("/land/checks", json=asked(*arguments, **more))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert answer.headers["location"].endswith(made["id"])
    return made


def signed_of(client: httpx.Client, name: str) -> bytes:
    for _ in range(450):
        answer = client.get(f"/land/checks/{name}/report.json")
        if answer.status_code == 200:
            return answer.content
        assert answer.status_code == 503
        time.sleep(0.2)
    raise AssertionError("the leaf was not sequenced")


def test_a_check_is_a_record_with_evidence(provider: httpx.Client, land: Town) -> None:
    made = checked(provider, ON_FARMLAND)
    assert made["verdict"] == "fail"
    assert findings(made)["farmland"]["touches"][0]["feature"] == "f1"
    assert set(made["uses"]) == {one["dataset"] for one in made["report"]["sources"]}
    key = provider.get("/log/key").text.strip()
    data = signed_of(provider, made["id"])
    verification = verify_document(data, key)
    assert verification.ok
    assert [step.name for step in verification.steps][-1] == "document"
    assert verification.leaf is not None
    assert verification.leaf["document"] == made["digest"]
    assert verification.leaf["uses"] == sorted(made["uses"].values())
    for use in made["uses"].values():  # each source read is a use of its own
        for _ in range(900):
            if (receipt := provider.get(f"/log/receipts/{use}")).status_code == 200:
                break
            time.sleep(0.1)
        assert json.loads(receipt.json()["leaf"])["face"] == "land"
    forged = data.replace(b'"verdict":"fail"', b'"verdict":"pass"', 1)
    assert forged != data
    assert not verify_document(forged, key).ok
    said = provider.post("/verify", content=data, headers={"content-type": "application/json"})
    assert said.json()["ok"]


def test_made_again_it_is_the_same_digit_by_digit(provider: httpx.Client) -> None:
    made = checked(provider, ON_FARMLAND, crs="OGC:CRS84", buffer_m=30)
    again = provider.post(f"/land/checks/{made['id']}/again").json()
    assert again["rerun_of"] == made["id"]
    assert again["digest"] == made["digest"]
    assert again["id"] != made["id"]


def test_strangers_are_refused(land: Town, provider: httpx.Client) -> None:
    made = checked(provider)
    with land.client() as anybody:
        assert anybody.post("/land/checks", json=asked()).status_code == 401
        for path in ("", "/report.json", "/report.pdf"):
            assert anybody.get(f"/land/checks/{made['id']}{path}").status_code == 401
        assert anybody.post(f"/land/checks/{made['id']}/again").status_code == 401
        assert anybody.get("/land/checks").status_code == 401
        assert anybody.post("/land/roles", json={}).status_code == 401
    with land.client("stranger") as stranger:
        for path in ("", "/report.json", "/report.pdf"):
            assert stranger.get(f"/land/checks/{made['id']}{path}").status_code == 404
        assert stranger.post(f"/land/checks/{made['id']}/again").status_code == 404
        assert made["id"] not in stranger.get("/land/checks?f=json").text
        refused = stranger.post("/land/roles", json={"role": "farmland", "dataset": "land-urban"})
        assert (refused.status_code, refused.json()["rule"]) == (403, "land.declare")
        listed = provider.get("/land/roles?f=json").json()["roles"]
        refused = stranger.post(f"/land/roles/{listed[0]['id']}/end")
        assert (refused.status_code, refused.json()["rule"]) == (403, "land.declare")
    with land.client("node") as node:  # reviewers and auditors of the node see all
        assert node.get(f"/land/checks/{made['id']}?f=json").json()["digest"] == made["digest"]
    _, secret = land.token("consumer", scopes=["read"])
    with httpx.Client(
        base_url=land.url, headers={"authorization": f"Bearer {secret}"}, verify=False
    ) as reader:
        refused = reader.post("/land/checks", json=asked())
        assert (refused.status_code, refused.json()["rule"]) == (403, "land.check")


def test_what_no_agreement_gives_is_not_checked(land: Town) -> None:
    with land.client("stranger") as stranger:
        made = checked(stranger, ON_FARMLAND, buffer_m=100)
        assert findings(made)["farmland"]["verdict"] == "unchecked"
        assert findings(made)["height"]["verdict"] == "unchecked"
        assert findings(made)["near-lines"]["verdict"] != "pass"
        unread = {one["dataset"]: one["rule"] for one in made["report"]["unread"]}
        assert unread == {"land-farmland": "agreement.none", "land-plans": "agreement.none"}
        assert "land-farmland" not in made["uses"]
        assert '"f1"' not in json.dumps(made)
        roles = stranger.get("/land/roles?f=json").json()["roles"]
        assert not {one["dataset"] for one in roles} & {"land-farmland", "land-plans"}
        page = stranger.get("/land", headers={"accept": "text/html"}).text
        assert "land-farmland" not in page


def test_a_narrowed_agreement_leaks_nothing_through_a_report(land: Town) -> None:
    """The consumer sees farmland in the south only, and of plans no height."""
    south = json.loads(shapely.to_geojson(box(0, 0, 10, 5)))
    agreements = [
        land.agree("land-farmland", "consumer", term("spatial", "isPartOf", south)),
        land.agree("land-plans", "consumer", term("quanyu:columns", "isNoneOf", ["lim"])),
    ]
    try:
        with land.client("consumer") as consumer:
            on_it = checked(consumer, box(9, 6, 10, 7), height_m=100)
            free = checked(consumer, box(7, 6, 8, 7), height_m=100)
            for made in (on_it, free):
                assert findings(made)["farmland"]["verdict"] == "review"
                assert findings(made)["height"]["verdict"] == "unchecked"
                assert "24.0" not in json.dumps(findings(made)["height"])
            # On hidden farmland or on none, the report reads alike.
            same = findings(on_it)["farmland"], findings(free)["farmland"]
            assert same[0] == same[1]
            across = findings(checked(consumer, box(9, 4, 10, 6)))["farmland"]
            assert across["verdict"] == "fail"
            inside = findings(checked(consumer, box(9, 4, 10, 5)))["farmland"]
            # The part that is hidden adds nothing: both touch the very same piece.
            assert across["figures"]["area_m2"] == pytest.approx(inside["figures"]["area_m2"])
            shape = shapely.from_geojson(json.dumps(across["touches"][0]["geometry"]))
            assert shape.bounds[3] <= Y + 0.005 + 1e-7
            again = consumer.post(f"/land/checks/{across and on_it['id']}/again").json()
            assert again["digest"] == on_it["digest"]
    finally:
        for agreement in agreements:
            land.end(agreement, "provider")


def test_names_of_hidden_datasets_cannot_be_probed(land: Town) -> None:
    with land.client("consumer") as consumer:
        for name in ("versions", "agreements"):
            value = 1 if name == "versions" else "agr_x"
            absent = consumer.post("/land/checks", json=asked(**{name: {"no-such": value}}))
            assert absent.status_code == 400
            assert absent.json()["field"] == f"{name}.no-such"
        gone = consumer.post("/land/checks", json=asked(versions={"land-urban": 7}))
        assert gone.status_code == 400
        assert checked(consumer, versions={"land-urban": 1})["report"]["sources"]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"use": "9999"}, "use"),
        ({"height_m": -3}, "height_m"),
        ({"height_m": "NaN"}, "height_m"),
        ({"crs": "EPSG:4547"}, "crs"),
        ({"crs": "nonsense"}, "crs"),
        ({"geometry": "POLYGON ((0 0, 1 1, 0 1, 1 0, 0 0))"}, "geometry"),
        ({"geometry": 5}, "geometry"),
        ({"geometry": None}, "geometry"),
        ({"day": "yesterday"}, "day"),
        ({"versions": [1]}, "versions"),
        ({"versions": {"land-urban": -1}}, "versions.land-urban"),
        ({"other": 1}, "other"),
    ],
)  # fmt: skip
def test_bad_input_is_told_and_leaves_nothing(
    provider: httpx.Client, more: dict[str, Any], field: str
) -> None:
    before = provider.get("/land/checks?f=json").json()["items"]
    answer = provider.post("/land/checks", json=asked() | more)
    assert answer.status_code == 400, answer.text
    assert answer.json()["field"] == field
    assert answer.json()["mend"]
    assert provider.get("/land/checks?f=json").json()["items"] == before


def test_bodies_that_are_no_objects(provider: httpx.Client) -> None:
    headers = {"content-type": "application/json"}
    for body in (b"", b"[]", b"{", b'"x"', b"\xff"):
        answer = provider.post("/land/checks", content=body, headers=headers)
        assert answer.status_code == 400, body
    answer = provider.post("/land/checks", content=b"x", headers={"content-type": "text/plain"})
    assert answer.status_code in (400, 415)


def test_the_form_works_without_scripts(land: Town) -> None:
    headers = {"accept": "text/html", "accept-language": "en"}
    with httpx.Client(
        base_url=land.url, headers=headers, timeout=60, follow_redirects=True, verify=False
    ) as me:
        me.post("/sign-in", data={"login": "consumer", "password": "correct horse battery staple"})
        page = me.get("/land").text
        csrf = page.split('name="csrf_token" value="')[1].split('"')[0]
        form = {"csrf_token": csrf, "use": "0701", "geometry": shapely.to_wkt(SHAPE)}
        refused = me.post("/land/checks", data=form | {"use": "9999", "name": "kept"})
        assert refused.status_code == 400
        assert "9999" in refused.text
        assert 'value="kept"' in refused.text
        assert me.post("/land/checks", data=form | {"csrf_token": "x"}).status_code == 403
        report = me.post("/land/checks", data=form, files={"file": ("", b"")})
        assert report.status_code == 200
        assert "Compliance report" in report.text
        assert "Check again with the same versions" in report.text
        upload = {"file": ("p.wkt", shapely.to_wkt(SHAPE).encode())}
        again = me.post("/land/checks", data=form | {"geometry": ""}, files=upload)
        assert again.status_code == 200
        assert me.get("/land/checks").text.count("/land/checks/chk_") >= 2
        classes = me.get("/land/classes").text
        assert "城镇住宅用地" in classes


def test_the_pdf_holds_text_that_can_be_read_back(provider: httpx.Client, tmp_path: Path) -> None:
    made = checked(provider, ON_FARMLAND)
    for language, words in (
        ("zh", ["新建住宅", "不符合", "永久基本农田", "限高"]),
        ("en", ["Does not comply", "permanent basic farmland", made["digest"][:40]]),
    ):
        path = f"/land/checks/{made['id']}/report.pdf?lang={language}"
        answer = provider.get(path, timeout=240)  # the first one makes its fonts
        assert answer.headers["content-type"] == "application/pdf"
        file = tmp_path / f"{language}.pdf"
        file.write_bytes(answer.content)
        text = "\n".join(page.extract_text() for page in PdfReader(file).pages)
        for word in words:
            assert word in text, (word, text)


def test_roles_are_declared_and_ended_with_their_revisions(land: Town) -> None:
    with land.client("node") as node:
        bad = node.post(
            "/land/roles",
            json={"role": "planned-use", "dataset": "land-parcels", "columns": {"class": "owner"}},
        )
        assert bad.status_code == 400
        assert bad.json()["field"] == "columns.class"
        assert "o1" in bad.json()["detail"]
        # What the node itself may not read it cannot declare.
        hidden = node.post("/land/roles", json={"role": "ecology", "dataset": "land-farmland"})
        assert (hidden.status_code, hidden.json()["rule"]) == (403, "agreement.none")
        said = {"role": "planned-use", "dataset": "land-planned", "columns": {"class": "dlbm"}}
        made = node.post("/land/roles", json=said | {"note": {"zh": "示例", "en": "an example"}})
        assert made.status_code == 201
        assert made.json()["revision"] == 2
        time.sleep(BELIEVED)
        report = checked(node)["report"]
        notes = {one["dataset"]: one["note"] for one in report["sources"]}
        assert notes["land-planned"] == {"zh": "示例", "en": "an example"}
        name = made.json()["id"]
        assert node.post(f"/land/roles/{name}/end").json()["ended_at"]
        assert node.post(f"/land/roles/{name}/end").status_code == 409
        assert findings(checked(node))["planned-use"]["verdict"] == "unchecked"
        assert node.post("/land/roles", json=said).json()["revision"] == 3


def test_a_check_on_the_command_line(land: Town, tmp_path: Path) -> None:
    project = tmp_path / "project.geojson"
    project.write_text(json.dumps(asked(ON_FARMLAND)["geometry"]))
    token = tmp_path / "token"
    token.write_text(land.tokens["provider"])
    signed, key = tmp_path / "signed.json", tmp_path / "node.key"
    with land.client() as anybody:
        key.write_text(anybody.get("/log/key").text)
    done = subprocess.run(
        [warm_quanyu(), "check", project, "--use", "0701", "--height", "60",
         "--floor-area", "12000", "--token-file", token, "--dir", land.folder, "--signed", signed],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Does not comply" in done.stdout
    verified = subprocess.run(
        [warm_quanyu(), "verify", signed, "--key", key],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert verified.returncode == 0, verified.stdout
    assert "✓ document" in verified.stdout
    wrong = subprocess.run(
        [warm_quanyu(), "check", project, "--use", "0799", "--token-file", token,
         "--dir", land.folder],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("quanyu: use: ")


def test_the_api_definition_names_the_checks(provider: httpx.Client) -> None:
    paths = provider.get("/api?f=json").json()["paths"]
    for path in ("/land/checks", "/land/checks/{check}", "/land/roles", "/land/classes"):
        assert path in paths
    assert "post" in paths["/land/checks"]
