"""One run of an algorithm beside the data, from the order to what it says, bounded in all ways."""

import os
import select
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic
from typing import TYPE_CHECKING, Any

import orjson

from quanyu.compute.private import isolation
from quanyu.compute.private.package import Package
from quanyu.kernel import Invalid, TooLarge, Unavailable

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 64 << 10
_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of memory, seconds of processor time and of waiting, bytes of what comes out and of
    ``/tmp``. ``bare`` lets it run where it cannot be isolated, by the operator's setting."""

    memory: int
    seconds: int
    output: int
    scratch: int = 64 << 20
    bare: bool = False


def check_isolation(limits: Limits) -> None:
    """Raise :class:`Unavailable` where algorithms cannot be isolated and may not run without."""
    found = isolation.isolation_here()
    if not found.whole and not limits.bare:
        raise Unavailable(
            "this node cannot isolate algorithms, so it runs none: {missing} is missing",
            mend="the operator installs it, or says by QUANYU_ALGORITHM_ISOLATION that limits do",
            missing=", ".join(found.missing),
        )


def run_sandboxed(
    package: Package,
    table: "pa.Table",
    values: Mapping[str, Any],
    limits: Limits,
    stopped: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """What the algorithm gives, unchecked but for its size.

    Raises :class:`Invalid` when it did not end well (how, not why: that could hold data),
    :class:`TooLarge` for what passes a limit, :class:`Unavailable` as :func:`check_isolation`.
    """
    check_isolation(limits)
    folder = Path(mkdtemp(prefix="quanyu-order-"))
    try:
        _write(folder, package, table, values, limits)
        body = _spoken(folder, limits, stopped)
    finally:
        shutil.rmtree(folder)
    return _understood(body)


def _write(
    folder: Path, package: Package, table: "pa.Table", values: Mapping[str, Any], limits: Limits
) -> None:
    import pyarrow as pa

    order = {
        "data": package.data,
        "values": dict(values),
        "memory": limits.memory,
        "seconds": limits.seconds,
        "scratch": limits.scratch,
    }
    (folder / "order.json").write_bytes(orjson.dumps(order))
    (folder / "algorithm.py").write_text(package.source, encoding="utf-8")
    with pa.ipc.new_file(folder / "data.arrow", table.schema) as file:
        file.write_table(table)


def _spoken(folder: Path, limits: Limits, stopped: Callable[[], bool]) -> bytes:
    found = isolation.isolation_here()
    if found.whole and found.bubblewrap:
        with isolation.seccomp_filter() as rules:
            command = isolation.sandboxed(found.bubblewrap, folder, limits.scratch, rules)
            process = _start(command, (rules.fileno(),))
    else:
        process = _start(isolation.bare(folder), ())
    try:
        return _heard(process, limits, stopped)
    finally:
        _end(process)


def _start(command: list[str], files: tuple[int, ...]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - our own command; what is a caller's is in files
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=files,
        env=isolation.environment(),
        start_new_session=True,
        bufsize=0,
    )


def _heard(
    process: "subprocess.Popen[bytes]", limits: Limits, stopped: Callable[[], bool]
) -> bytes:
    pipe = process.stdout
    if pipe is None:
        raise TypeError("the child has no standard output")
    until = monotonic() + limits.seconds * 1.5 + 5
    body = bytearray()
    while True:
        if monotonic() > until or stopped():
            raise TooLarge(
                "the algorithm takes longer than {seconds} seconds",
                field="inputs",
                mend="ask about less",
                seconds=limits.seconds,
            )
        if not select.select([pipe], [], [], _LOOK_S)[0]:
            continue
        block = os.read(pipe.fileno(), _BLOCK)
        if not block:
            return bytes(body)
        body += block
        if len(body) > limits.output + 1:
            raise TooLarge(
                "the outputs have more than {most} bytes",
                field="outputs",
                mend="give less: sums, counts and means rather than rows",
                most=limits.output,
            )


def _end(process: "subprocess.Popen[bytes]") -> None:
    """With it ends its process name space, and everything in it."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _understood(body: bytes) -> dict[str, Any]:
    status, rest = body[:1], body[1:]
    if status == b"m":
        raise TooLarge(
            "the algorithm needs more memory than this node gives",
            field="inputs",
            mend="ask about less",
        )
    if status == b"f":
        raise Invalid(
            "the outputs are no JSON",
            field="outputs",
            mend="give tables, numbers and short texts; no infinite number",
        )
    if status != b"+":
        raise Invalid(
            "the algorithm did not end well",
            field="executionUnit",
            mend="try it on data of your own; what it said may hold data and is not shown",
        )
    try:
        made = orjson.loads(rest)
    except orjson.JSONDecodeError as error:
        raise Invalid("the outputs are no JSON", field="outputs", mend="give an object") from error
    if not isinstance(made, dict):
        raise Invalid("the outputs are no JSON", field="outputs", mend="give an object")
    return made
