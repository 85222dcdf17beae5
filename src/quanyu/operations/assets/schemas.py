"""Templates of assets: JSON Schema (draft 2020-12) of what each kind says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from quanyu.kernel import Invalid, LocalText

_FOLDER = Path(__file__).with_name("templates")
_MOST_BYTES = 20_000


@dataclass(frozen=True, slots=True)
class AssetTemplate:
    """A kind of asset; ``schema`` is what its attributes must satisfy."""

    id: str
    name: LocalText
    schema: Mapping[str, Any]

    def attribute_names(self) -> dict[str, tuple[LocalText, str]]:
        """Names of attributes by their keys, with their units."""
        return {
            key: (LocalText(**said["titles"]), said.get("unit", ""))
            for key, said in self.schema["properties"].items()
        }


@cache
def asset_templates() -> dict[str, AssetTemplate]:
    """The shipped templates by their ids."""
    found = {}
    for path in sorted(_FOLDER.glob("*.json")):
        schema = orjson.loads(path.read_bytes())
        found[path.stem] = AssetTemplate(path.stem, LocalText(**schema["titles"]), schema)
    return found


def check_attributes_of(template: str, attributes: Mapping[str, Any]) -> None:
    """Raise :class:`Invalid` on ``template`` or on ``attributes`` and the member at fault."""
    if template not in asset_templates():
        raise Invalid(
            "there is no template “{name}”",
            field="template",
            mend="choose one of: {choices}",
            name=template[:40],
            choices=", ".join(asset_templates()),
        )
    if len(orjson.dumps(dict(attributes))) > _MOST_BYTES:
        raise Invalid("these attributes are too many", field="attributes", mend="say less")
    for fault in _validator(template).iter_errors(dict(attributes)):
        where = "/".join(str(part) for part in fault.instance_path)
        raise Invalid(
            "{message}",
            field=f"attributes/{where}" if where else "attributes",
            mend="follow the template “{name}”",
            message=fault.message[:300],
            name=template,
        )


@cache
def _validator(template: str) -> Any:
    from jsonschema_rs import Draft202012Validator

    return Draft202012Validator(dict(asset_templates()[template].schema))
