"""What runs inside the sandbox: reads what it was given, calls the algorithm, writes its outputs.

It is started as a file, in a process that sees nothing else of this program. Everything that it
says is taken as written by the algorithm. Nothing that the algorithm prints or raises leaves.
"""

import json
import math
import os
import resource
import sys
from pathlib import Path
from typing import Any, BinaryIO

OK, FAILED, MEMORY, FORM = b"+", b"!", b"m", b"f"


def main() -> None:
    """``child.py ORDER``: the folder with ``order.json``, ``data.arrow`` and ``algorithm.py``."""
    folder = Path(sys.argv[1])
    out = os.fdopen(os.dup(1), "wb")
    _silence()
    order = json.loads((folder / "order.json").read_bytes())
    _limit(order)
    # Taken before the algorithm is there: what it changes does not change how it is called.
    source = (folder / "algorithm.py").read_text(encoding="utf-8")
    code = compile(source, "algorithm.py", "exec", dont_inherit=True)
    try:
        made = _run(code, order, folder)
    except MemoryError:
        _end(out, MEMORY)
    except BaseException:  # noqa: BLE001 - what it raises may hold data, so only that it did is told
        _end(out, FAILED)
    try:
        body = json.dumps(made, allow_nan=False).encode()
    except BaseException:  # noqa: BLE001 - also what an object of its own raises
        _end(out, FORM)
    _end(out, OK, body)


def _run(code: Any, order: dict[str, Any], folder: Path) -> dict[str, Any]:
    import pyarrow as pa

    with pa.memory_map(str(folder / "data.arrow")) as file:
        table = pa.ipc.open_file(file).read_all()
    names: dict[str, Any] = {"__name__": "algorithm"}
    exec(code, names)  # noqa: S102 - that is what the sandbox is for
    made = names["run"](**{order["data"]: table}, **order["values"])
    return {str(name): _plain(value) for name, value in dict(made).items()}


def _plain(value: Any) -> Any:
    """Tables of Arrow and pandas as lists of rows, numbers of NumPy as numbers."""
    if hasattr(value, "to_pylist"):
        value = value.to_pylist()
    elif hasattr(value, "to_dict"):
        value = value.to_dict("records")
    elif hasattr(value, "item"):
        value = value.item()
    if isinstance(value, list):
        return [{str(k): _plain(v) for k, v in row.items()} for row in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _limit(order: dict[str, Any]) -> None:
    for name, most in (
        (resource.RLIMIT_AS, order["memory"]),
        (resource.RLIMIT_CPU, order["seconds"]),
        (resource.RLIMIT_FSIZE, order["scratch"]),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(name, (most, most))


def _silence() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)


def _end(out: BinaryIO, status: bytes, body: bytes = b"") -> None:
    """Say it and be gone: nothing that the algorithm left to be done at the end is done."""
    try:
        out.write(status + body)
        out.flush()
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
