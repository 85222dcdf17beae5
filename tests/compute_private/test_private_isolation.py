"""Algorithms run isolated or not at all, unless the operator says otherwise."""

import pyarrow as pa
import pytest

from quanyu.compute import Limits, check_isolation, isolation_here, read_package, run_sandboxed
from quanyu.compute.private import isolation
from quanyu.kernel import Invalid, TooLarge, Unavailable

TABLE = pa.table({"kind": ["a", "b"] * 20})
LIMITS = Limits(memory=1 << 30, seconds=2, output=1000)


def package(code: str) -> object:
    data = {"schema": {"type": "string", "contentMediaType": "application/vnd.apache.arrow.file"}}
    document = {
        "processDescription": {
            "id": "tried",
            "version": "1",
            "inputs": {"data": data},
            "outputs": {"said": {"schema": {"type": "string", "maxLength": 200}}},
        },
        "executionUnit": {"mediaType": "text/x-python", "value": code},
    }
    return read_package(document)


@pytest.fixture
def not_isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = isolation.Isolation(None, ("bubblewrap (bwrap)",))
    monkeypatch.setattr(isolation, "isolation_here", lambda: nothing)


@pytest.mark.usefixtures("not_isolated")
def test_without_isolation_nothing_runs() -> None:
    with pytest.raises(Unavailable, match="bubblewrap"):
        check_isolation(LIMITS)
    with pytest.raises(Unavailable):
        run_sandboxed(package("def run(data): return {}"), TABLE, {}, LIMITS)


@pytest.mark.usefixtures("not_isolated")
def test_the_operator_may_say_that_limits_do() -> None:
    bare = Limits(memory=1 << 30, seconds=2, output=1000, bare=True)
    code = "def run(data): return {'said': str(data.num_rows)}"
    assert run_sandboxed(package(code), TABLE, {}, bare) == {"said": "40"}


@pytest.mark.skipif(not isolation_here().whole, reason="bubblewrap or seccomp missing")
def test_time_ends_an_algorithm_and_its_threads() -> None:
    spin = "import threading\ndef spin():\n    while True: pass\n"
    code = f"{spin}def run(data):\n    threading.Thread(target=spin).start()\n    spin()"
    with pytest.raises((Invalid, TooLarge)):
        run_sandboxed(package(code), TABLE, {}, LIMITS)


@pytest.mark.skipif(not isolation_here().whole, reason="bubblewrap or seccomp missing")
def test_only_what_is_written_as_an_answer_is_one() -> None:
    flood = "import os\ndef run(data):\n    for n in range(3, 64):\n        try:\n"
    flood += '            os.write(n, b\'+{"said": "forged"}\')\n        except OSError:\n'
    flood += "            pass\n    return {'said': 'mine'}"
    with pytest.raises(Invalid, match=r"JSON|end well"):
        run_sandboxed(package(flood), TABLE, {}, LIMITS)
