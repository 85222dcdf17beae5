"""Schemas of the kinds: those of the program, and what an operator's folder adds to them.

A file of the folder names its kind in ``x-kind`` and is one of three things: with ``x-version`` a
whole new version of the kind's schema, with ``x-profile`` a sub-profile that entries may choose,
else properties that every entry of the kind may have. Titles and descriptions are English, their
Chinese stands in ``x-zh``, units (UCUM) in ``x-unit``, what a pattern means in ``x-form``.
"""

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema_rs

from quanyu.catalogue.codes import Kind
from quanyu.kernel import Invalid, LocalText, NotFound

HERE = Path(__file__).parent / "schemas"
MOST_BYTES = 1 << 20
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PROFILE = re.compile(r"[a-z][a-z0-9-]{0,40}")
_PROPERTY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}")
_OWN_ID = re.compile(r"urn:quanyu:schema:([a-z]+):(\d{1,4})(?::([a-z][a-z0-9-]*))?")


@dataclass(frozen=True)
class KindSchema:
    """The schema of a kind in one version, with everything merged that applies to it."""

    kind: Kind
    version: int
    profile: str
    document: Mapping[str, Any]

    @property
    def id(self) -> str:
        """What entries say in ``$schema``."""
        return str(self.document["$id"])

    @property
    def title(self) -> LocalText:
        """Its name."""
        return text_of(self.document, "title")

    @property
    def properties(self) -> Mapping[str, Any]:
        """Its properties by name, in the order of forms."""
        found: Mapping[str, Any] = self.document["properties"]
        return found

    @cached_property
    def validator(self) -> jsonschema_rs.Validator:
        """Compiled once. Its patterns run in linear time, whatever they are given."""
        return _validator(self.document)


def text_of(schema: Mapping[str, Any], name: str) -> LocalText:
    """``title`` or ``description`` of a schema in both languages; a blank where it has none."""
    chinese = schema.get("x-zh")
    zh = str(chinese.get(name, "")) if isinstance(chinese, dict) else ""
    return LocalText(zh=zh or " ", en=str(schema.get(name, "")) or " ")


def kind_schema(kind: Kind, version: int | None = None, profile: str = "") -> KindSchema:
    """The schema of that version (default: the latest); :class:`NotFound` when there is none."""
    known = [one for one in _known if one.kind is kind and one.profile == profile]
    for one in sorted(known, key=lambda one: -one.version):
        if version in {None, one.version}:
            return one
    raise NotFound("there is no schema {id}", id=f"{kind.value} {version or ''} {profile}"[:80])


def schema_with_id(schema_id: str) -> KindSchema | None:
    """The schema that an entry's ``$schema`` names."""
    if not _OWN_ID.fullmatch(schema_id):
        return None
    return next((one for one in _known if one.id == schema_id), None)


def kind_schemas() -> tuple[KindSchema, ...]:
    """All that are known: by kind, version, profile."""
    return _known


def use_extensions(folder: Path | None) -> None:
    """Add what the JSON files in ``folder`` say, in place of what was added before.

    Raises :class:`Invalid` that names the file and what is wrong with it; nothing is added then.
    """
    global _known  # noqa: PLW0603 - one set of schemas for the process, as of code tables
    files = sorted(folder.glob("*.json")) if folder is not None else []
    if folder is not None and not folder.is_dir():
        raise _bad(folder, "there is no such folder")
    _known = _merged([(path, _read(path)) for path in files])


def _merged(extensions: list[tuple[Path, dict[str, Any]]]) -> tuple[KindSchema, ...]:
    common = json.loads((HERE / "common-1.json").read_bytes())
    found = []
    for kind in Kind:
        versions = {
            int(path.stem.rpartition("-")[2]): json.loads(path.read_bytes())
            for path in HERE.glob(f"{kind.value}-*.json")
        }
        mine = [(path, given) for path, given in extensions if given["x-kind"] == kind.value]
        for path, given in mine:
            if (number := given.get("x-version")) is not None:
                if number in versions:
                    raise _bad(path, f"version {number} of {kind.value} is there already")
                versions[number] = given
        adding = [(p, g) for p, g in mine if "x-version" not in g and "x-profile" not in g]
        profiles = [(p, g) for p, g in mine if "x-profile" in g]
        for number, base in sorted(versions.items()):
            whole = _composed(kind, number, base, [*adding, (HERE / "common-1.json", common)])
            found.append(whole)
            for path, given in profiles:
                parts = [*adding, (path, given), (HERE / "common-1.json", common)]
                named = given | {"x-upgrade": base.get("x-upgrade", {})}
                one = _composed(kind, number, base, parts, profile=given["x-profile"], named=named)
                if one.id in {other.id for other in found}:
                    raise _bad(path, f"the profile {given['x-profile']} is there already")
                found.append(one)
    return tuple(found)


def _composed(
    kind: Kind,
    version: int,
    base: Mapping[str, Any],
    parts: list[tuple[Path, dict[str, Any]]],
    *,
    profile: str = "",
    named: Mapping[str, Any] | None = None,
) -> KindSchema:
    """One schema out of a kind's own and what is added to it; no property may stand twice."""
    properties = deepcopy(dict(base["properties"]))
    required = list(base.get("required", ()))
    for path, given in parts:
        if double := set(properties) & set(given["properties"]):
            raise _bad(path, f"the property “{min(double)}” is there already")
        properties |= deepcopy(given["properties"])
        required += given.get("required", ())
    said = named or base
    document = {
        "$schema": _DIALECT,
        "$id": ":".join(
            ["urn:quanyu:schema", kind.value, str(version), *([profile] if profile else [])]
        ),
        **{
            name: said[name]
            for name in ("title", "description", "x-zh", "x-upgrade")
            if name in said
        },
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    return KindSchema(kind, version, profile, document)


def _read(path: Path) -> dict[str, Any]:
    """One file of the folder, checked by itself."""
    if path.stat().st_size > MOST_BYTES:
        raise _bad(path, f"it has more than {MOST_BYTES} bytes")
    try:
        given = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise _bad(path, f"it is no JSON: {error}") from error
    if not isinstance(given, dict):
        raise _bad(path, "it is no JSON object")
    _check_head(path, given)
    properties = given.get("properties")
    if not isinstance(properties, dict) or not properties:
        raise _bad(path, "“properties” must be an object with at least one property")
    for name, schema in properties.items():
        if not _PROPERTY.fullmatch(name) or not isinstance(schema, dict):
            raise _bad(path, f"“{name[:60]}” cannot be a property: letters, digits, _ and a schema")
    if reference := _outward(given):
        raise _bad(path, f"“{reference[:80]}” leads out of the property; write the schema out")
    try:
        _validator({"type": "object", **{k: v for k, v in given.items() if k != "$id"}})
    except ValueError as error:
        raise _bad(path, str(error).splitlines()[0]) from error
    return given


def _check_head(path: Path, given: dict[str, Any]) -> None:
    if given.get("x-kind") not in set(Kind):
        raise _bad(path, f"“x-kind” must be one of {', '.join(Kind)}")
    if "x-profile" in given and not _PROFILE.fullmatch(str(given["x-profile"])):
        raise _bad(path, "“x-profile” must be small letters, digits and -")
    version = given.get("x-version", 1)
    if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version <= 9999:
        raise _bad(path, "“x-version” must be a whole number from 1 to 9999")


def _outward(node: Any) -> str:
    """The first reference that does not stay in the document: nothing is ever fetched."""
    if isinstance(node, dict):
        for name in ("$ref", "$dynamicRef"):
            if isinstance(node.get(name), str):
                return str(node[name])
        return next((found for value in node.values() if (found := _outward(value))), "")
    if isinstance(node, list):
        return next((found for value in node if (found := _outward(value))), "")
    return ""


def _validator(document: Mapping[str, Any]) -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator(
        dict(document), validate_formats=True, pattern_options=jsonschema_rs.RegexOptions()
    )


def _bad(path: Path, why: str) -> Invalid:
    return Invalid(
        "{file} cannot be used as a schema: {why}",
        field="schemas_dir",
        mend="mend the file or take it out of the folder",
        file=path.name,
        why=why,
    )


_known = _merged([])
