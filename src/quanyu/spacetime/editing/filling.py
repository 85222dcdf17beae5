"""What a feature says put into the row that it is of, as far as its editor may change it.

What is hidden stays as it is; what is masked or narrowed, and what follows from other values,
cannot be changed.
"""

import re
from collections.abc import Mapping
from typing import Any

from quanyu.kernel import Invalid, Refused
from quanyu.spacetime.editing.city_object import DERIVED
from quanyu.spacetime.editing.feature import (
    columns_of,
    geometry_of,
    same_shape,
    valid_of,
    value_of,
)
from quanyu.spacetime.edits.model import Action
from quanyu.spacetime.edits.rows import Row
from quanyu.spacetime.filter_parse import unknown_property
from quanyu.spacetime.model import (
    FID,
    GEOMETRY,
    LOD_GEOMETRY,
    VALID,
    Field,
    FieldType,
    GeometryType,
    Restriction,
    Version,
)
from quanyu.spacetime.store import Store

_NUMBER = re.compile(r"0|[1-9][0-9]{0,14}")


class Filling:
    """Fills rows of a version within a restriction."""

    def __init__(self, store: Store, version: Version, restriction: Restriction) -> None:
        self._store, self._version, self._restriction = store, version, restriction
        self._fields = self._editable()

    def filled(self, action: Action, row: Row, shown: Row, *, patch: bool) -> Row:
        """A row with what the feature says of it; ``shown`` is how the editor sees it."""
        given: Mapping[str, Any] = action.feature.get("properties") or {}
        self.properties(given, row, shown, action.where, patch=patch)
        self._shape(action, row, shown, patch=patch)
        if "time" in action.feature:
            row[VALID[0]], row[VALID[1]] = valid_of(action.feature["time"], action.where)
        return row

    def properties(
        self, given: Mapping[str, Any], row: Row, shown: Row, where: str, *, patch: bool
    ) -> None:
        """Put values in; what is hidden, masked or derived stays as it is."""
        for name in given:
            if name not in self._fields:
                raise unknown_property(name, self._fields, f"{where}properties")
        identities = self._store.identities(self._version)
        derived = DERIVED if self._version.city_model else frozenset()
        for name, (field, masked) in self._fields.items():
            if name in identities:
                row[name] = _identity(field, row[FID], given.get(name), where)
            elif name in derived:
                _check_derived(given.get(name), shown.get(name), name, where)
            elif name not in given:
                if not patch and not masked:
                    row[name] = None
            elif masked:
                _check_unchanged(given[name], shown.get(name), name, where)
            else:
                row[name] = value_of(field, given[name], where)

    def _shape(self, action: Action, row: Row, shown: Row, *, patch: bool) -> None:
        """Put the geometry in, unless it is left as it is."""
        feature, where, version = action.feature, action.where, self._version
        # JSON-FG gives a geometry outside of CRS84 as its place.
        given = feature.get("place") or feature.get("geometry")
        if "geometry" not in feature and "place" not in feature:
            if patch or version.geometry is GeometryType.NONE:
                return
            raise Invalid(
                "the feature says nothing of its geometry",
                field=f"{where}geometry",
                mend="give one, or null",
            )
        geometry = geometry_of(given, action.crs, version, where)
        if same_shape(geometry, shown.get(GEOMETRY)):
            return
        if row is not shown:
            self.check_whole(row, shown, f"{where}geometry")
        if version.city_model:
            raise Invalid(
                "the shape of a city object is more than this geometry",
                field=f"{where}geometry",
                mend="send the object as CityJSON; its attributes can be edited here",
            )
        row |= columns_of(geometry, version)

    def check_whole(self, row: Row, shown: Row, field: str) -> None:
        """Only who sees the whole of a geometry may change it."""
        restriction = self._restriction
        hidden = self._version.city_model and not (
            restriction.columns is None or any(c.name == LOD_GEOMETRY for c in restriction.columns)
        )
        clipped = restriction.region is not None and any(
            shown.get(name) != row.get(name) for name in (GEOMETRY, LOD_GEOMETRY)
        )
        if hidden or clipped or restriction.grid_m is not None:
            raise Refused(
                "only a part of this geometry may be seen, so it cannot be changed",
                rule="edit.narrowed",
                field=field,
                mend="send it as you read it, or leave it out",
            )

    def _editable(self) -> dict[str, tuple[Field, bool]]:
        """Properties that the editor sees, and whether masked: then they cannot be changed."""
        columns = self._restriction.columns
        masks = None if columns is None else {c.name: c.mask is not None for c in columns}
        return {
            field.name: (field, masks is not None and masks[field.name])
            for field in self._version.fields
            if field.name != LOD_GEOMETRY and (masks is None or field.name in masks)
        }


def _identity(field: Field, fid: str, given: Any, where: str) -> Any:
    """The value of a property that says the id over again; what is given can be nothing else."""
    if given is not None and str(given) != fid:
        raise Invalid(
            "“{name}” is the id of the feature, {id}",
            field=f"{where}properties.{field.name}",
            mend="leave it out",
            name=field.name,
            id=fid[:80],
        )
    if field.type is FieldType.STRING:
        return fid
    return int(fid) if _NUMBER.fullmatch(fid) else None


def _check_derived(given: Any, shown: Any, name: str, where: str) -> None:
    if given is not None and given != shown:
        raise Invalid(
            "“{name}” follows from the geometries of the city object",
            field=f"{where}properties.{name}",
            mend="leave it out, and send the object as CityJSON to change its shape",
            name=name,
        )


def _check_unchanged(given: Any, shown: Any, name: str, where: str) -> None:
    if given is not None and str(given) != str(shown):
        raise Refused(
            "only a mask of “{name}” may be seen, so it cannot be changed",
            rule="edit.masked",
            field=f"{where}properties.{name}",
            mend="send it as you read it, or leave it out",
            name=name,
        )
