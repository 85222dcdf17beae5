"""A look that several requests need at the same moment is done once."""

import asyncio
import threading

import pytest

from quanyu.kernel import Refused
from quanyu.web.look_once import LONGEST_S, look_once


def _counted(work, done):
    def look():
        done.append(threading.get_ident())
        return work()

    return look


def test_all_who_ask_at_the_same_moment_share_one_look() -> None:
    done: list[int] = []
    hold = threading.Event()

    async def ask() -> list[str]:
        look = _counted(lambda: hold.wait(30) and "seen", done)
        waiting = [asyncio.create_task(look_once(("entry", 1), look)) for _ in range(20)]
        other = asyncio.create_task(look_once(("entry", 2), _counted(lambda: "other", done)))
        assert await other == "other"
        hold.set()
        return await asyncio.gather(*waiting)

    assert asyncio.run(ask()) == ["seen"] * 20
    assert len(done) == 2


def test_a_refusal_is_heard_by_all_and_kept_for_nobody_after() -> None:
    done: list[int] = []
    hold = threading.Event()

    def refuse() -> str:
        hold.wait(30)
        raise Refused("not this one", rule="policy.deny", mend="ask the holder")

    async def ask() -> str:
        waiting = [
            asyncio.create_task(look_once("entry", _counted(refuse, done))) for _ in range(3)
        ]
        await asyncio.sleep(0)
        hold.set()
        heard = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(one, Refused) for one in heard)
        return await look_once("entry", _counted(lambda: "allowed", done))

    assert asyncio.run(ask()) == "allowed"
    assert len(done) == 2


def test_one_who_gives_up_does_not_end_the_look_of_the_others() -> None:
    done: list[int] = []
    hold = threading.Event()

    async def ask() -> str:
        look = _counted(lambda: hold.wait(30) and "seen", done)
        first = asyncio.create_task(look_once("entry", look))
        second = asyncio.create_task(look_once("entry", look))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        hold.set()
        return await second

    assert asyncio.run(ask()) == "seen"
    assert len(done) == 1


def test_a_look_that_began_too_long_ago_is_joined_by_nobody() -> None:
    hold = threading.Event()

    async def ask() -> tuple[str, str]:
        slow = asyncio.create_task(look_once("entry", lambda: hold.wait(30) and "as it was"))
        await asyncio.sleep(2 * LONGEST_S)
        new = await look_once("entry", lambda: "as it is")
        hold.set()
        return await slow, new

    assert asyncio.run(ask()) == ("as it was", "as it is")
