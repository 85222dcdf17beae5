"""Profiles kept beside the serving copy that they were computed from, and deleted with it."""

import hashlib
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from quanyu.kernel import now, whole_file
from quanyu.spacetime.engine import Engine
from quanyu.spacetime.model import Version
from quanyu.spacetime.profile import Profile, profile
from quanyu.spacetime.questions import Source
from quanyu.spacetime.serving import Served

_LAYOUT = 1
_PROFILE = TypeAdapter(Profile)


def kept_profile(copy: Served, guarded: frozenset[str], least: int) -> Profile | None:
    """The profile of a copy when it has been computed before."""
    try:
        return _PROFILE.validate_json(_path(copy, guarded, least).read_bytes())
    except (FileNotFoundError, ValidationError):  # not yet, or written by another version
        return None


def keep_profile(
    engine: Engine,
    source: Source,
    copy: Served,
    version: Version,
    *,
    guarded: frozenset[str],
    least: int,
) -> Profile:
    """The profile of a copy, computed unless it has been."""
    found = kept_profile(copy, guarded, least)
    if found is not None:
        return found
    rows, repeated, fields, geometry = profile(engine, source, guarded, least)
    made = Profile(
        dataset=version.dataset,
        version=version.number,
        rows=rows,
        repeated=repeated,
        rejects=version.rejects,
        fields=fields,
        geometry=geometry,
        least=least,
        made_at=now(),
    )
    path = _path(copy, guarded, least)
    if copy.there():
        with whole_file(path) as unfinished:
            unfinished.write_bytes(orjson.dumps(made))
    return made


def _path(copy: Served, guarded: frozenset[str], least: int) -> Path:
    asked = orjson.dumps([_LAYOUT, sorted(guarded), least])
    return copy.folder / f"profile-{hashlib.sha256(asked).hexdigest()[:16]}.json"
