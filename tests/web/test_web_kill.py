"""kill -9 of the whole server under load: every use that was answered is in the log, once."""

import json
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from town import Town, found_town, kill_town, serve_town

from quanyu.evidence import verify_log

PAGE = "/ogc/features/collections/buildings/items?limit=5"
READERS = 6
ANSWERS = 200


def read_until_it_dies(town: Town, answered: list[str], refused: list[str]) -> None:
    with town.client("consumer") as client:
        while True:
            try:
                answer = client.get(PAGE)
            except httpx.HTTPError:
                return
            if answer.status_code != 200:
                refused.append(answer.text)
                return
            answered.append(answer.headers["quanyu-use"])


@pytest.mark.timeout(180)
def test_every_answered_use_outlives_a_kill(tmp_path: Path) -> None:
    town = found_town(tmp_path / "town")
    stop = serve_town(town)
    answered: list[str] = []
    refused: list[str] = []
    readers = [
        threading.Thread(target=read_until_it_dies, args=(town, answered, refused))
        for _ in range(READERS)
    ]
    for reader in readers:
        reader.start()
    deadline = time.monotonic() + 60
    while len(answered) < ANSWERS and not refused and time.monotonic() < deadline:
        time.sleep(0.02)
    kill_town(town)
    stop()
    for reader in readers:
        reader.join()
    assert not refused
    assert len(answered) >= ANSWERS
    stop = serve_town(town)
    try:
        with town.client() as anybody:
            key = anybody.get("/log/key").text.strip().splitlines()[0]
            deadline = time.monotonic() + 90
            waiting = set(answered)
            while waiting and time.monotonic() < deadline:
                waiting = {
                    u for u in waiting if anybody.get(f"/log/receipts/{u}").status_code == 202
                }
            assert not waiting
            places = [
                json.loads(anybody.get(f"/log/receipts/{use}").content)["index"] for use in answered
            ]
    finally:
        stop()
    assert len(set(places)) == len(set(answered)) == len(answered)
    assert verify_log(town.folder / "log", key).ok
