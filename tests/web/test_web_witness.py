"""Two cities witness one another, over the network, with real servers."""

import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import orjson
import pytest
from town import Town, free_port, serve_town

from migrated import new_control
from quanyu import app as composition
from quanyu.kernel import LocalText, load_settings
from quanyu.parties import PartyKind, register_party
from warm import warm_quanyu

# Nothing here is TLS, and certificates take longer to load than most requests to answer.
get = partial(httpx.get, timeout=30, verify=False)
post = partial(httpx.post, timeout=30, verify=False)


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Town]]:
    """Two nodes that name each other as witness and as witnessed log."""
    folders = [tmp_path_factory.mktemp(name) for name in ("north", "south")]
    ports = [free_port(), free_port()]
    keys: list[tuple[str, str]] = []
    for folder in folders:
        name = f"{folder.name.rstrip('0123456789')}.example"
        settings = load_settings(dir=folder, node_name=name)
        control = new_control(settings)
        with control.begin() as session:
            register_party(session, kind=PartyKind.CITY_NODE, name=LocalText(zh=name, en=name))
        control.close()
        log = composition.open_log(settings)
        keys.append((str(log.keys[0]), str(composition.open_witness(settings).key)))
        log.close()
    stops: list[Callable[[], None]] = []
    made = []
    for here, there in ((0, 1), (1, 0)):
        name = f"{folders[here].name.rstrip('0123456789')}.example"
        (folders[here] / "quanyu.toml").write_text(
            f'node_name = "{name}"\nallow_private_urls = true\n'
            f'witnesses = ["{keys[there][1]} http://127.0.0.1:{ports[there]}/witness"]\n'
            f'witnessed_logs = ["{keys[there][0]}"]\n'
        )
        town = Town(folders[here])
        stops.append(serve_town(town, workers=1, port=ports[here]))
        made.append(town)
    yield made
    for stop in stops:
        stop()


def cosigned(town: Town) -> str:
    """The checkpoint that the other city has cosigned; it follows within some seconds."""
    for _ in range(240):
        answer = get(f"{town.url}/log/checkpoint.cosigned")
        if answer.status_code == 200:
            return answer.text
        assert answer.status_code == 404
        time.sleep(0.5)
    raise AssertionError("nobody cosigned")


def test_two_cities_witness_one_another(cities: list[Town], tmp_path: Path) -> None:
    for here, there in (cities, cities[::-1]):
        note = cosigned(here)
        key = get(f"{there.url}/witness/key").text.strip()
        assert f"— {key.split('+')[0]} " in note
        seen = get(f"{there.url}/witness/logs").json()["logs"]
        assert [one["origin"] for one in seen] == [note.split("\n")[0]]
        log_key = tmp_path / "log.key"
        log_key.write_text(get(f"{here.url}/log/key").text)
        command = [warm_quanyu(), "verify", f"{here.url}/log", "--key", log_key, "--witness", key]
        done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        steps = {step["name"]: step for step in orjson.loads(done.stdout)["steps"]}
        assert {"signature", "witnesses", "tiles", "root", "history"} <= steps.keys()


def test_a_stranger_gets_no_cosignature(cities: list[Town]) -> None:
    url = f"{cities[0].url}/witness/add-checkpoint"
    own = get(f"{cities[0].url}/log/checkpoint").content
    other = get(f"{cities[1].url}/log/checkpoint").content
    assert post(url, content=b"old 0\n\n" + own).status_code == 404
    forged = other.replace(b"\n1\n", b"\n2\n", 1)
    assert post(url, content=b"old 0\n\n" + forged).status_code in {403, 409}
    assert post(url, content=b"nonsense").status_code == 400
    assert post(url, content=b"x" * 20_000).status_code == 413
    cosigned(cities[1])
    behind = post(url, content=b"old 0\n\n" + other)
    assert behind.status_code == 409
    assert behind.headers["content-type"].startswith("text/x.tlog.size")
    assert int(behind.text) > 0


def test_where_there_is_nothing(cities: list[Town]) -> None:
    assert get(f"{cities[0].url}/log/timestamps").json() == {"timestamps": []}
    assert get(f"{cities[0].url}/log/timestamps/7").status_code == 404
    assert get(f"{cities[0].url}/log/timestamps/7/checkpoint").status_code == 404
