"""Make ``.venv`` with quanyu in it, from nothing but python3 (standard library only)."""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STAMPS = ROOT / ".stamps"
OLDEST = (3, 11)


def run(*command: str | Path) -> bool:
    """Run a command, its output shown only when it fails."""
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(done.stdout[-3000:], done.stderr[-3000:], sep="\n", file=sys.stderr)
    return done.returncode == 0


def find_uv() -> str:
    """The path of uv: the machine's, else one put into ``.stamps/uv`` from PyPI."""
    if found := shutil.which("uv"):
        return found
    home = STAMPS / "uv"
    uv = home / "bin" / "uv"
    if uv.exists():
        return str(uv)
    print("quanyu: getting uv from PyPI …", flush=True)
    ways = [
        lambda: (
            run(sys.executable, "-m", "venv", home)
            and run(home / "bin" / "pip", "install", "-q", "uv")
        ),
        lambda: run(sys.executable, "-m", "pip", "install", "-q", "--target", home, "uv"),
    ]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        ways.append(
            lambda: (
                run("apt-get", "update", "-qq")
                and run("apt-get", "install", "-y", "-qq", "python3-venv")
                and ways[0]()
            )
        )
    for way in ways:
        if way() and uv.exists():
            return str(uv)
    sys.exit("quanyu: cannot install uv; install python3-venv or uv, then try again")


def main() -> None:
    """Create the environment and install the project (with ``--group dev`` its test tools too)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--group", action="append", default=[], help="also this group's packages")
    groups: list[str] = parser.parse_args().group
    STAMPS.mkdir(exist_ok=True)
    uv = find_uv()
    if not (ROOT / ".venv").exists():
        mine = sys.executable if sys.version_info >= OLDEST else ">=3.11"
        if not run(uv, "venv", "--quiet", "--python", mine, ".venv"):
            sys.exit("quanyu: needs Python 3.11 or newer")
    print(f"quanyu: installing {' and '.join(groups) or 'the program'} …", flush=True)
    group = [part for name in groups for part in ("--group", name)]
    ready = run(
        uv, "pip", "install", "--quiet", "--python", ".venv/bin/python",
        "--constraint", "constraints.txt", "--editable", ".[demo]", *group,
    )  # fmt: skip
    if not ready:
        sys.exit("quanyu: the packages above could not be installed")
    # Compiled once here, so that no start need do it, nor each one where Python may not write.
    # Some packages carry files for other Pythons that do not compile: that is no failure.
    subprocess.run(
        [".venv/bin/python", "-m", "compileall", "-q", "-j", "0", ".venv/lib", "src"],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip


if __name__ == "__main__":
    main()
