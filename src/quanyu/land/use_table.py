"""Which proposed use is compatible with which planned one: a table that a city replaces by a file.

Rows are ``scheme,planned,proposed,verdict``. ``planned`` and ``proposed`` are codes, or the first
digits of codes, or ``*``; ``planned`` may also be ``outside`` (of the urban development boundary).
``verdict`` is ``yes``, ``conditional`` or ``no``. The most exact row counts. Where none fits, the
same class is compatible, a class of level 1 with all of its own, another class of the same level 1
on conditions, any other not; and outside of the boundary everything needs review.

The table shipped is a start to try with and no norm: what is compatible is for each city to say.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from quanyu.kernel import Invalid, sha256_hex
from quanyu.land.class_table import classes
from quanyu.land.model import LandClass, Scheme, Verdict

OUTSIDE = "outside"
_WORDS = {"yes": Verdict.PASS, "conditional": Verdict.REVIEW, "no": Verdict.FAIL}
_HEAD = ["scheme", "planned", "proposed", "verdict"]


@dataclass(frozen=True)
class Compatibility:
    """The table; ``digest`` is the SHA-256 of its file, which reports name."""

    rows: dict[tuple[Scheme, str, str], Verdict]
    digest: str
    own: bool

    def verdict(self, planned: str, proposed: LandClass) -> Verdict:
        """What the table says of ``proposed`` in a place planned as ``planned`` (a code of the same
        scheme, or :data:`OUTSIDE`)."""
        for one in _prefixes(planned):
            for other in _prefixes(proposed.code):
                found = self.rows.get((proposed.scheme, one, other))
                if found is not None:
                    return found
        if planned == OUTSIDE:
            return Verdict.REVIEW
        if proposed.code.startswith(planned):
            return Verdict.PASS
        return Verdict.REVIEW if planned[:2] == proposed.code[:2] else Verdict.FAIL


@lru_cache(maxsize=4)
def compatibility(path: Path | None = None) -> Compatibility:
    """The table in ``path``, or the one shipped; raises :class:`Invalid` naming line and mend."""
    if path is None:
        return read((files("quanyu.land") / "compatibility.csv").read_bytes(), own=False)
    try:
        return read(path.read_bytes(), own=True)
    except OSError as error:
        raise Invalid(
            "{path} cannot be read: {why}",
            field="land_compatibility",
            path=path,
            why=error.strerror,
        ) from error


def read(data: bytes, *, own: bool) -> Compatibility:
    """The table in the bytes of a CSV file; raises :class:`Invalid`."""
    try:
        lines = list(csv.reader(data.decode("utf-8-sig").splitlines()))
    except UnicodeDecodeError as error:
        raise _wrong(1, "it is not UTF-8") from error
    if not lines or lines[0] != _HEAD:
        raise _wrong(1, "its first line must be: " + ",".join(_HEAD))
    rows: dict[tuple[Scheme, str, str], Verdict] = {}
    for number, line in enumerate(lines[1:], 2):
        if not line:
            continue
        scheme, planned, proposed, verdict = _checked(number, line)
        rows[scheme, planned, proposed] = verdict
    return Compatibility(rows, sha256_hex(data), own)


def _checked(number: int, line: list[str]) -> tuple[Scheme, str, str, Verdict]:
    if len(line) != len(_HEAD):
        raise _wrong(number, "it must have four columns")
    scheme, planned, proposed, verdict = (cell.strip() for cell in line)
    if scheme not in list(Scheme):
        raise _wrong(number, f"“{scheme[:40]}” is no code table")
    if verdict not in _WORDS:
        raise _wrong(number, f"“{verdict[:40]}” is none of yes, conditional, no")
    known = classes(Scheme(scheme))
    for code in (planned, proposed):
        if code not in ("*", OUTSIDE) and not any(one.startswith(code) for one in known):
            raise _wrong(number, f"“{code[:40]}” is no class of {scheme}")
    if proposed == OUTSIDE:
        raise _wrong(number, "only “planned” can be outside")
    return Scheme(scheme), planned, proposed, _WORDS[verdict]


def _prefixes(code: str) -> list[str]:
    if code == OUTSIDE:
        return [OUTSIDE]
    return [*(code[:length] for length in range(len(code), 0, -1)), "*"]


def _wrong(line: int, why: str) -> Invalid:
    return Invalid(
        "line {line} of the table of compatible uses cannot be taken: {why}",
        field="land_compatibility",
        mend="see docs/how-to/land.md for its form",
        line=line,
        why=why,
    )
