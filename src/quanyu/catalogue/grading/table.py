"""The table of grading rules: the one shipped, and what a node's own file adds to it."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quanyu.catalogue.codes import Access, Grade
from quanyu.catalogue.grading.model import Level, LevelMeaning, Subject
from quanyu.kernel import Invalid, LocalText, canonical, sha256_hex

SHIPPED = Path(__file__).with_name("grading.toml")
_LISTS = ("level", "sign", "sensitivity", "volume", "subject")


@dataclass(frozen=True, slots=True)
class SignRule:
    """A field that holds such values lifts the whole to a level."""

    level: Level
    subject: Subject


@dataclass(frozen=True, slots=True)
class VolumeRule:
    """As many ``rows`` with a field of at least ``least`` lift the whole to a level."""

    least: Level
    rows: int
    level: Level


@dataclass(frozen=True, slots=True)
class SubjectRule:
    """Words in the description, where places are exact and extents large enough."""

    words: re.Pattern[str]
    level: Level
    metres: float | None
    km2: float | None


@dataclass(frozen=True, slots=True)
class GradingTable:
    """Every rule by its id. ``digest`` names this very table."""

    levels: Mapping[Level, LevelMeaning]
    signs: Mapping[str, SignRule]
    sensitivities: Mapping[str, Level]
    volumes: Mapping[str, VolumeRule]
    subjects: Mapping[str, SubjectRule]
    exact: float
    aggregate: float
    digest: str


def grading_table() -> GradingTable:
    """The rules of this process."""
    return _table


def use_grading(path: Path | None) -> None:
    """Read the node's rules; :class:`Invalid` names the file and what is wrong in it."""
    global _table  # noqa: PLW0603 - one table for the process, as of other code tables
    said = _read(SHIPPED)
    if path is not None:
        said = _merged(said, _read(path))
    try:
        _table = _made(said)
    except (KeyError, TypeError, ValueError, AttributeError, re.error) as error:
        raise _bad(path or SHIPPED, f"{type(error).__name__}: {error}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _bad(path, str(error)) from error


def _merged(said: dict[str, Any], further: dict[str, Any]) -> dict[str, Any]:
    merged = said | {name: said[name] | further.get(name, {}) for name in ("lineage", "places")}
    for name in _LISTS:
        rules = {rule.get("id"): rule for rule in [*said[name], *further.get(name, [])]}
        merged[name] = list(rules.values())
    return merged


def _made(said: Mapping[str, Any]) -> GradingTable:
    return GradingTable(
        levels={
            Level(one["id"]): LevelMeaning(
                Grade(one["grade"]),
                frozenset(Access(access) for access in one["access"]),
                LocalText(zh=one["zh"], en=one["en"]),
            )
            for one in sorted(said["level"], key=lambda one: Level(one["id"]))
        },
        signs={
            one["id"]: SignRule(Level(one["level"]), Subject(one["subject"]))
            for one in said["sign"]
        },
        sensitivities={one["id"]: Level(one["level"]) for one in said["sensitivity"]},
        volumes={
            one["id"]: VolumeRule(Level(one["from"]), int(one["rows"]), Level(one["level"]))
            for one in said["volume"]
        },
        subjects={
            one["id"]: SubjectRule(
                re.compile(one["words"], re.IGNORECASE),
                Level(one["level"]),
                one.get("metres"),
                one.get("km2"),
            )
            for one in said["subject"]
        },
        exact=float(said["places"]["metres"]),
        aggregate=float(said["lineage"]["aggregate"]),
        digest=sha256_hex(canonical(said)),
    )


def _bad(path: Path, why: str) -> Invalid:
    return Invalid(
        "{file} is no table of grading rules: {why}",
        field="grading_file",
        mend="give a TOML file in the form of the one shipped",
        file=path.name,
        why=why[:200],
    )


_table: GradingTable
use_grading(None)
