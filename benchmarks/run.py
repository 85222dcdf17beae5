"""Run every benchmark in turn; ``--quick`` keeps each short. Figures go to ``benchmarks/out``."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BENCHMARKS = (
    "serving.py",
    "place.py",
    "ingest.py",
    "evidence.py",
    "decisions.py",
    "catalogue_search.py",
    "micro_serving.py",
    "three_d.py",
    "land.py",
    "city_model.py",
    "imagery.py",
    "start.py",
    "zonal.py",
    "distributed.py",
    "edits.py",
    "analyses.py",
    "network.py",
    "market.py",
    "rules.py",
    "psi.py",
    "streams.py",
    "streams_http.py",
    "dsp_catalogue.py",
    "quality_rules.py",
)


def main() -> None:
    """Run them one after another, so that none disturbs the other's figures."""
    failed = []
    for name in BENCHMARKS:
        print(f"\n# {name}", flush=True)
        done = subprocess.run([sys.executable, HERE / name, *sys.argv[1:]], check=False)
        if done.returncode:
            failed.append(name)
    if failed:
        sys.exit(f"bench: these ended with an error: {', '.join(failed)}")


if __name__ == "__main__":
    main()
