"""Instants are written in one form, by the server and by its pages' scripts alike."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from quanyu.kernel import day_in_zone, in_zone, iso

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import front

ZONES = ("Asia/Shanghai", "Europe/Helsinki", "Asia/Kolkata", "America/St_Johns", "UTC")
MOMENTS = [
    datetime(2026, 11, 27, 16, 12, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 59, tzinfo=UTC),  # around Helsinki's change to summer time
    datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    datetime(1969, 7, 20, 20, 17, 40, tzinfo=UTC),
]
RUN = """
import ts from "typescript";
import { readFileSync } from "node:fs";
const [file, asked] = process.argv.slice(2);
const code = ts.transpile(readFileSync(file, "utf8"), { module: "ESNext", target: "ES2022" });
const times = await import("data:text/javascript," + encodeURIComponent(code));
const said = JSON.parse(asked).map(([moment, zone]) => [
  times.inZone(moment, zone),
  times.day(moment, zone),
  times.clockInZone(times.clockAt(Date.parse(moment), zone), zone),
]);
process.stdout.write(JSON.stringify(said));
"""


def test_scripts_write_instants_as_the_server_does() -> None:
    front.install(front.FRONT, "the front end's packages")
    asked = [(moment, zone) for moment in MOMENTS for zone in ZONES]
    given = json.dumps([(iso(moment), zone) for moment, zone in asked])
    done = subprocess.run(
        ["node", "--input-type=module", "-e", RUN, "-",
         front.FRONT / "src" / "lib" / "times.ts", given],
        cwd=front.FRONT, env=front.environment(),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for (moment, zone), (said, day, again) in zip(asked, json.loads(done.stdout), strict=True):
        assert said == in_zone(moment, zone)
        assert day == day_in_zone(moment, zone).isoformat()
        # In the hour that comes twice a clock names the one or the other.
        assert again[:16] == said[:16]
