"""Install what the tests need from Debian's packages, or say in one line what is missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NEEDED = {
    "bubblewrap": lambda: shutil.which("bwrap") is not None,
    "chromium-headless-shell": lambda: shutil.which("chromium-headless-shell") is not None,
    "fonts-wqy-zenhei": lambda: any(Path("/usr/share/fonts").rglob("wqy-zenhei*")),
    "gdal-bin": lambda: shutil.which("ogr2ogr") is not None,
    "mariadb-server": lambda: any(Path("/usr/sbin").glob("mariadbd")),
    "postgresql": lambda: any(Path("/usr/lib/postgresql").glob("*/bin/initdb")),
}


def main() -> None:
    """Install the missing packages when root with apt; tests that need one say so and skip."""
    missing = [name for name, there in NEEDED.items() if not there()]
    if not missing:
        return
    wanted = " ".join(missing)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(f"quanyu: some tests will be skipped; to run them: sudo apt-get install {wanted}")
        return
    print(f"quanyu: installing {wanted} …", flush=True)
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
        done = subprocess.run(
            ["apt-get", "-qq", *command], env=quiet, capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(
                f"quanyu: could not install {wanted}; some tests will be skipped", file=sys.stderr
            )
            return


if __name__ == "__main__":
    main()
