"""Private set intersection of two sets of identifiers, beside OpenMined PSI in the same run.

    python benchmarks/psi.py [--quick] [--count N]

100,000 telephone numbers on each side (2,000 with ``--quick``), half of them in both sets. Both
tell the asker which are in common, without false ones (OpenMined's raw set, not its filters); the
work of the two sides is done one after the other, and all of it is counted. OpenMined PSI wants a
protobuf of its own, so it runs in an environment of its own.
"""

import argparse
import json
import subprocess
import time
from collections.abc import Sequence

import peers
import report
from quanyu.compute import answer_set, blind_set, common_of, normalised, to_points

FULL, QUICK = 100_000, 2_000
PEER = ("openmined-psi==2.0.6",)
_PEER_WORK = """
import json, sys, time
import private_set_intersection.python as psi
mine, theirs = json.load(sys.stdin)
began, cpu = time.perf_counter(), time.process_time()
client, server = psi.client.CreateWithNewKey(True), psi.server.CreateWithNewKey(True)
setup = server.CreateSetupMessage(1e-9, len(mine), theirs, psi.DataStructure.RAW)
answer = server.ProcessRequest(client.CreateRequest(mine))
found = client.GetIntersection(setup, answer)
print(json.dumps([len(found), time.perf_counter() - began, time.process_time() - cpu]))
"""


def main() -> None:
    """Measure both and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 identifiers")
    parser.add_argument("--count", type=int, help="identifiers on each side")
    given = parser.parse_args()
    count = given.count or (QUICK if given.quick else FULL)
    mine = [f"138{number:08d}" for number in range(count)]
    theirs = [f"138{number:08d}" for number in range(count // 2, count + count // 2)]
    ours(mine[:50], theirs[:50])
    found, wall, cpu = ours(mine, theirs)
    peer_found, peer_wall, peer_cpu = openmined(mine, theirs)
    if found != count - count // 2 or peer_found != found:
        raise SystemExit(f"psi: {found} and {peer_found} in common, not {count - count // 2}")
    rows = [("quanyu", wall, cpu), ("openmined-psi", peer_wall, peer_cpu)]
    report.table(f"PSI, {count:,} identifiers on each side", ("", "s", "s of CPU"), rows)
    ratios = {"clock": peer_wall / wall, "cpu": peer_cpu / cpu}
    print(f"quanyu is {ratios['clock']:.2f} times as fast, {ratios['cpu']:.2f} times by CPU")
    report.keep("psi", {"identifiers": count, "seconds": rows, "times_as_fast": ratios})


def ours(mine: Sequence[str], theirs: Sequence[str]) -> tuple[int, float, float]:
    """How many are in common by quanyu, seconds by the clock and of CPU."""
    began, cpu = time.perf_counter(), time.process_time()
    asked = blind_set(normalised(mine))
    sent = to_points(asked.points.tobytes(), len(mine))
    found = common_of(asked, answer_set(sent, normalised(theirs), cardinality=False))
    return len(found), time.perf_counter() - began, time.process_time() - cpu


def openmined(mine: Sequence[str], theirs: Sequence[str]) -> tuple[int, float, float]:
    """The same by the peer."""
    python = peers.environment("openmined-psi", PEER, (3, 11)) / "bin" / "python"
    done = subprocess.run(
        [python, "-c", _PEER_WORK],
        input=json.dumps([mine, theirs]),
        check=True,
        capture_output=True,
        text=True,
    )
    found, wall, cpu = json.loads(done.stdout)
    return int(found), float(wall), float(cpu)


if __name__ == "__main__":
    main()
