"""Who asks goes before who writes, for a moment."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine

import pytest

from quanyu.web import turns
from quanyu.web.turns import asking, those_who_ask_first

Play = Callable[[], Coroutine[None, None, None]]


def run(play: Play) -> None:
    asyncio.run(asyncio.wait_for(play(), 60))


async def write(done: list[str], name: str) -> None:
    await those_who_ask_first()
    done.append(name)


def test_nobody_waits_where_nobody_asks() -> None:
    async def play() -> None:
        waited = those_who_ask_first()
        waited.send(None)  # those who came at the same time begin
        with pytest.raises(StopIteration):
            waited.send(None)

    run(play)


def test_nobody_waits_for_long_when_nobody_asks_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LONGEST_S", 3_600)

    async def play() -> None:
        with asking():
            pass
        await those_who_ask_first()

    run(play)


FORKED = """
import asyncio, os, time
from quanyu.web import turns

turns.LONGEST_S = 3_600
asks, told = os.pipe()

async def ask():
    with turns.asking():
        os.write(told, b"asking")
        await asyncio.sleep(0.3)

if not os.fork():
    asyncio.run(ask())
    os._exit(0)
os.read(asks, 6)
began = time.monotonic()
asyncio.run(turns.those_who_ask_first())
print(time.monotonic() - began)
"""


def test_who_writes_waits_for_those_who_ask_in_a_process_that_was_forked_with_it() -> None:
    made = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, check=True, timeout=60
    )
    assert float(made.stdout) > 0.2


def test_all_who_write_go_on_when_the_last_answer_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LONGEST_S", 3_600)

    async def play() -> None:
        done: list[str] = []
        with asking():
            with asking():
                writers = [asyncio.create_task(write(done, name)) for name in "abc"]
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.01)
            assert not done
            writers[0].cancel()
            await asyncio.sleep(0)
            done.append("asked")
        await asyncio.gather(*writers[1:])
        assert done == ["asked", "b", "c"]

    run(play)


def test_nobody_waits_for_longer_than_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LONGEST_S", 0.001)

    async def play() -> None:
        done: list[str] = []
        with asking():
            await asyncio.gather(*(write(done, name) for name in "ab"))
            await write(done, "c")
        assert done == ["a", "b", "c"]

    run(play)


def test_of_all_that_come_at_once_those_who_ask_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LONGEST_S", 3_600)

    async def play() -> None:
        done: list[str] = []

        async def ask() -> None:
            with asking():
                await asyncio.sleep(0.01)
                done.append("asked")

        await asyncio.gather(*(write(done, name) for name in "ab"), ask())
        assert done == ["asked", "a", "b"]

    run(play)


def test_an_answer_that_fails_lets_go_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LONGEST_S", 3_600)

    async def play() -> None:
        done: list[str] = []
        with pytest.raises(ValueError, match="wrong"), asking():
            writer = asyncio.create_task(write(done, "a"))
            await asyncio.sleep(0)
            raise ValueError("wrong")
        await writer
        assert done == ["a"]

    run(play)
