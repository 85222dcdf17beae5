"""What several requests ask of the stores at the same moment is looked up once, for all of them.

What is believed for half a second ends for all requests that are under way at once: without this,
each of them would look for itself.
"""

import asyncio
from collections.abc import Callable, Hashable
from time import monotonic
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool

Made = TypeVar("Made")

LONGEST_S = 0.25
"""A look that began longer ago is joined by nobody: it may not know of what was revoked since."""

_looks: dict[Hashable, tuple[float, "asyncio.Task[Any]"]] = {}


async def look_once(key: Hashable, look: Callable[[], Made]) -> Made:
    """What ``look`` returns, done in a thread, or what one with this key that is under way does.

    The key tells what is asked and of whom. Raises what the look raises, to all who wait for it;
    one who gives up does not end it.
    """
    loop = asyncio.get_running_loop()
    asked = (id(loop), key)
    began, task = _looks.get(asked, (0.0, None))
    if task is None or task.done() or monotonic() - began > LONGEST_S:
        task = loop.create_task(run_in_threadpool(look))
        _looks[asked] = (monotonic(), task)

        def ended(done: "asyncio.Task[Any]") -> None:
            if _looks.get(asked, (0.0, None))[1] is done:
                del _looks[asked]
            if not done.cancelled():
                done.exception()  # whoever waited has heard it

        task.add_done_callback(ended)
    found: Made = await asyncio.shield(task)
    return found
