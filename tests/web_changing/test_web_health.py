"""Health and quality rules through the real server: who is told what, and who is refused."""

import re
from collections.abc import Iterator

import httpx
import pytest
from town import (
    Town,
    bring_in,
    buildings,
    put_on_show,
    term,
    west_half,
)

from quanyu import app as composition
from quanyu.catalogue import Access

RULES = """
rules:
- {name: levels-range, kind: range, columns: levels, least: 1, most: 4}
- {name: owner-form, kind: pattern, columns: owner, pattern: 'owner-00.*'}
- {name: phone-codes, kind: codes, columns: phone, values: ['0401000001']}
- {name: enough, kind: rows, least: 9999}
"""
YAML = {"content-type": "application/yaml"}
AT, RULE = "/api/resources/homes/health", "/api/resources/homes/quality-rules"


@pytest.fixture(scope="module")
def homes(town: Town) -> Iterator[Town]:
    """Restricted data that is not well: an agreement hides a column, masks one, and hides rows."""
    control = town.control()
    store = composition.open_store(town.settings, control)
    version = bring_in(store, town.folder, "homes", buildings())
    with control.begin() as session:
        put_on_show(session, version, Access.RESTRICTED, town.callers["provider"])
    store.close()
    control.close()
    agreement = town.agree(
        "homes",
        "consumer",
        term("quanyu:columns", "isNoneOf", ["phone"]),
        term("quanyu:mask", "eq", {"column": "owner", "mask": "keep-last-4"}),
        term("quanyu:rows", "isPartOf", "levels <= 6"),
        term("spatial", "isPartOf", west_half()),
    )
    with town.client("provider") as client:
        put = client.put(RULE, content=RULES, headers=YAML)
        assert put.status_code == 200, put.text
        checked = client.post(f"{AT}/check")
        assert checked.status_code == 200, checked.text
    yield town
    town.end(agreement, "provider")


def test_the_provider_sees_all_counts_and_rows(homes: Town) -> None:
    with homes.client("provider") as client:
        said = client.get(RULE).json()
        counts = {one["name"]: (one["outcome"], one["failing"]) for one in said["results"]}
        assert said["whole"]
        assert counts["levels-range"] == ("fails", sum(1 + n % 12 > 4 for n in range(300)))
        assert counts["phone-codes"] == ("fails", 299)
        shown = client.get(f"{RULE}/phone-codes/rows?limit=3").json()
        assert [row["fid"] for row in shown["rows"]] == ["b0000", "b0002", "b0003"]
        assert client.get(f"{RULE}/results").json()["results"]
        assert "levels-range" in client.get(f"{RULE}?f=yaml").text
        assert client.get(f"{RULE}/proposals").json()["rules"]


def test_who_sees_a_part_is_told_of_that_part_alone(homes: Town) -> None:
    with homes.client("consumer") as client:
        said = client.get(RULE).json()
        assert not said["whole"]
        assert said["results"] == []
        # Neither hidden nor masked columns, nor the number of all rows.
        assert [rule["name"] for rule in said["rules"]] == ["levels-range"]
        answer = client.get(f"{RULE}/levels-range/rows")
        assert answer.headers["quanyu-use"]
        found = answer.json()
        assert 0 < found["rule"]["failing"] < found["rule"]["checked"] < 150
        assert {int(row["levels"]) for row in found["rows"]} <= {5, 6}
        for name in ("phone-codes", "owner-form", "enough", "no-such-rule"):
            refused = client.get(f"{RULE}/{name}/rows")
            assert refused.status_code == 404
            assert "phone" not in refused.text.replace("phone-codes", "")
        assert client.get(f"{RULE}/results").status_code == 403
        assert client.get(f"{RULE}/proposals").status_code == 403


def everything(client: httpx.Client) -> dict[str, httpx.Response]:
    paths = [AT, f"{AT}/history", "/api/health", "/api/health/departments", "/api/health/days",
             "/resources/homes/health", "/resources/homes/health?f=json", "/health-board",
             "/health-board?f=json", "/search?health=bad", "/search?sort=sickness&f=json",
             "/resources/homes?f=json", "/resources/homes.ttl", "/resources/homes.jsonld",
             "/ogc/records/collections/catalogue/items?q=homes"]  # fmt: skip
    return {path: client.get(path) for path in paths}


@pytest.mark.parametrize("who", [None, "stranger", "node"])
def test_nothing_of_rows_reaches_those_who_may_not_see_them(homes: Town, who: str | None) -> None:
    with homes.client(who) as client:
        for path, answer in everything(client).items():
            assert answer.status_code == 200, (path, answer.text)
            for secret in ("levels-range", "phone-codes", "owner-00", "040100", "enough"):
                assert secret not in answer.text, (path, secret)
            # The number of rows that fail, which is not a part of an instant or of an id.
            assert not re.search(r"(?<![\w.-])299(?![\w.-])", answer.text), path
        for path in (RULE, f"{RULE}?f=yaml", f"{RULE}/levels-range/rows", f"{RULE}/results"):
            refused = client.get(path)
            assert refused.status_code == 403, (path, refused.text)
            assert "levels-range" not in refused.text.replace(path, "")
        health = client.get(AT).json()
        assert health["state"] == "bad"
        assert health["dimensions"]["validity"] == {"rules": 3, "holding": 0}
        assert "work_order" not in health or who == "node"


def test_a_stranger_changes_nothing(homes: Town) -> None:
    with homes.client("stranger") as client:
        for method, path, said in (
            ("PUT", RULE, {"rules": []}),
            ("POST", f"{AT}/check", None),
            ("PUT", f"{AT}/maintenance", {"until": "2030-01-01T00:00:00Z", "reason": "x"}),
            ("DELETE", f"{AT}/maintenance", None),
            ("POST", f"{AT}/overrule", {"reason": "x"}),
        ):
            refused = client.request(method, path, json=said)
            assert refused.status_code == 403, (path, refused.text)
            assert refused.json()["rule"]
    with homes.client() as client:
        for method, path in (
            ("PUT", RULE),
            ("POST", f"{AT}/check"),
            ("PUT", f"{AT}/maintenance"),
            ("POST", f"{AT}/overrule"),
            ("GET", f"{RULE}/proposals"),
        ):
            assert client.request(method, path).status_code == 401, path
    with homes.client("node") as client:  # who runs the node declares nothing on others' data
        assert client.put(RULE, content=RULES, headers=YAML).status_code == 403


def test_drafts_of_others_are_unknown(homes: Town) -> None:
    with homes.client("stranger") as client:
        for path in ("/api/resources/nothing/health", "/resources/nothing/health"):
            assert client.get(path).status_code == 404


def test_what_is_not_well_is_not_offered_until_a_steward_says_so(homes: Town) -> None:
    with homes.client("stranger") as client:
        assert client.get(AT).json()["offered"] is False
    with homes.client("provider") as client:
        assert client.post(f"{AT}/overrule", json={"reason": " "}).status_code == 400
        done = client.post(f"{AT}/overrule", json={"reason": "the rules are being reviewed"})
        assert done.status_code == 200
        said = client.get(AT).json()
        assert (said["offered"], said["work_order"] is not None) == (True, True)
    with homes.client("stranger") as client:
        said = client.get(AT).json()
        assert said["offered"]
        assert "reviewed" not in str(said)


def test_the_list_is_of_what_one_may_know_the_least_healthy_first(homes: Town) -> None:
    with homes.client() as client:
        found = client.get("/api/health?state=bad").json()["items"]
        assert "homes" in {one["slug"] for one in found}
        assert {one["state"] for one in found} == {"bad"}
        scores = [one["score"] for one in found]
        assert scores == sorted(scores)
        assert client.get("/api/health?state=ill").status_code == 400
        assert client.get("/api/health?kind=cow").status_code == 400
        turtle = client.get("/resources/homes.ttl").text
        assert "dqv:QualityMeasurement" in turtle
        assert "urn:quanyu:metric:health" in turtle
        assert client.get("/search?health=bad").status_code == 200


def test_rules_are_declared_over_what_was_read(homes: Town) -> None:
    with homes.client("provider") as client:
        now = client.get(RULE).json()["revision"]
        old = client.put(RULE, content=RULES, headers=YAML | {"if-match": f'"{now + 5}"'})
        assert old.status_code == 409
        for body in ("rules: [{name: a, kind: range, columns: nowhere, least: 1}]", "a: [", "- 1"):
            wrong = client.put(RULE, content=body, headers=YAML)
            assert wrong.status_code == 400, wrong.text
            assert wrong.json()["field"]
