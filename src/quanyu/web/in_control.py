"""The control store read and written from a route, in a thread."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from quanyu.web.node import Node

Made = TypeVar("Made")


async def reading(node: Node, read: Callable[[Session], Made]) -> Made:
    """What ``read`` finds in the control store."""

    def work() -> Made:
        with node.control.read() as session:
            return read(session)

    return await run_in_threadpool(work)


async def writing(node: Node, write: Callable[[Session], Made]) -> Made:
    """What ``write`` does in one transaction."""

    def work() -> Made:
        with node.control.begin() as session:
            return write(session)

    return await run_in_threadpool(work)


async def trying(node: Node, write: Callable[[Session], Made]) -> Made:
    """What would come of ``write``, which is rolled back."""

    def work() -> Made:
        with node.control.trial() as session:
            return write(session)

    return await run_in_threadpool(work)
