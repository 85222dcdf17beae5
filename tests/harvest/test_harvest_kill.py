"""A run outlives kill -9 of the process that was at it, and goes on where it stood."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from harvesting_node import Harvesting
from remote import Ckan, Remote, Said, package

from quanyu.catalogue import RecordOutcome, RunState, SourceKind, harvest_source


def test_a_run_goes_on_after_kill(harvesting: Harvesting, remote: Remote, tmp_path: Path) -> None:
    ckan = Ckan(remote, [package(n) for n in range(60)])
    served = 0

    def slowly(query: dict[str, str], body: bytes) -> Said:
        nonlocal served
        served += 1
        time.sleep(0.3 if served > 2 else 0)
        return ckan.search(query, body)

    remote.routes["/api/3/action/package_search"] = slowly
    source = harvesting.add(SourceKind.CKAN, remote.url, page_size=10)
    program = Path(__file__).with_name("harvest_process.py")
    process = subprocess.Popen([sys.executable, program, tmp_path, source.id])
    seen = 0
    for _ in range(3000):
        with harvesting.control.read() as session:
            run = harvest_source(session, source.id).last_run
        if run is not None and run.seen >= 20:
            seen = run.seen
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 20 <= seen < 60
    done = harvesting.run(source)
    assert run is not None
    assert done.id == run.id
    assert done.state is RunState.DONE, done
    assert done.seen == 60
    assert done.counts == {RecordOutcome.ADDED: 60}
    assert len({entry.slug for entry in harvesting.entries()}) == 60
