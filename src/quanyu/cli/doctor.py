"""`doctor`: is this node sound? Each finding says what was looked at and what to do."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typer

from quanyu import app as composition
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table
from quanyu.compute import isolation_here
from quanyu.evidence import verify_log
from quanyu.kernel import QuanyuError, Settings, load_settings, open_control

LEAST_FREE = 1 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    ok: bool
    said: str


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(epilog="Example: `quanyu doctor --dir city --json`")(doctor)


def doctor(folder: Dir = HOME, json: Json = False) -> None:
    """Check a node: folder, control store, tables, log and front end. Exit code 1 if one fails."""
    findings = examine(load_settings(dir=folder))
    if json:
        give_json([{"check": f.check, "ok": f.ok, "said": f.said} for f in findings])
    else:
        rows = [("✓" if f.ok else "✗", f.check, f.said) for f in findings]
        give_table(("", "check", "said"), rows)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def examine(settings: Settings) -> list[Finding]:
    """Look at everything that a node stands on."""
    looks: tuple[tuple[str, Callable[[Settings], str]], ...] = (
        ("folder", _folder),
        ("disk", _disk),
        ("control store", _control),
        ("tables", _tables),
        ("log", _log),
        ("front end", _front),
        ("algorithms sent", _sandbox),
    )
    findings = []
    for check, look in looks:
        try:
            findings.append(Finding(check, ok=True, said=look(settings)))
        except (QuanyuError, OSError) as error:
            findings.append(Finding(check, ok=False, said=str(error)))
    return findings


def _folder(settings: Settings) -> str:
    probe = settings.dir / ".doctor"
    probe.write_bytes(b"")
    probe.unlink()
    return str(Path(settings.dir).resolve())


def _disk(settings: Settings) -> str:
    free = shutil.disk_usage(settings.dir).free
    if free < LEAST_FREE:
        raise OSError(f"only {free / 1e9:.1f} GB free; uses are refused when the disk is full")
    return f"{free / 1e9:.1f} GB free"


def _control(settings: Settings) -> str:
    control = open_control(settings)
    control.check()
    control.close()
    return control.dialect


def _tables(settings: Settings) -> str:
    control = open_control(settings)
    store = composition.open_store(settings, control)
    try:
        names = store.datasets()
        rows = sum(store.view(name).count() for name in names)
    finally:
        store.close()
        control.close()
    return f"{len(names)} datasets, {rows:,} rows"


def _log(settings: Settings) -> str:
    log = composition.open_log(settings)
    if log.size == 0:
        return "nothing has been sequenced yet"
    verification = verify_log(settings.dir / "log", map(str, log.keys))
    if not verification.ok:
        bad = next(step for step in verification.steps if not step.ok)
        raise OSError(f"{bad.name}: {bad.said}")
    return verification.steps[-1].said


def _front(_settings: Settings) -> str:
    from quanyu.web import front_end_built

    if not front_end_built():
        raise OSError("not built; run: make run")
    return "built"


def _sandbox(settings: Settings) -> str:
    """A node without a sandbox is whole; it runs no algorithms that parties send."""
    missing = ", ".join(isolation_here().missing)
    if not missing:
        return "isolated by bubblewrap and seccomp"
    if settings.algorithm_isolation == "limits":
        return f"by limits alone, not isolated: {missing} missing"
    return f"none are run: {missing} missing"
