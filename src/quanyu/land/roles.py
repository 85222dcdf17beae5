"""What a dataset must have to play a role: **the** table of roles, and the check at declaration."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from quanyu.kernel import Invalid, LocalText
from quanyu.land.class_table import classes
from quanyu.land.model import Role, Scheme
from quanyu.spacetime import FieldType, GeometryType, View

_TEXT = frozenset({FieldType.STRING, FieldType.INTEGER})
_NUMBER = frozenset({FieldType.NUMBER, FieldType.INTEGER})
_AREAS = frozenset({GeometryType.POLYGON, GeometryType.MULTIPOLYGON, GeometryType.GEOMETRY})
_LISTED = 20
_MOST_VALUES = 10_000
CLASS = "class"


@dataclass(frozen=True, slots=True)
class Meaning:
    """Something that a column of a role may say."""

    name: str
    says: LocalText
    types: frozenset[FieldType]
    required: bool = False


@dataclass(frozen=True, slots=True)
class RoleSchema:
    """A role: its name and what its columns may say; of ``any_of`` at least one is needed."""

    name: LocalText
    meanings: tuple[Meaning, ...] = ()
    any_of: tuple[str, ...] = ()

    def meaning(self, name: str) -> Meaning | None:
        """The meaning of that name."""
        return next((one for one in self.meanings if one.name == name), None)


def _meaning(
    name: str, zh: str, en: str, types: frozenset[FieldType] = _TEXT, *, required: bool = False
) -> Meaning:
    return Meaning(name, LocalText(zh=zh, en=en), types, required)


_NAME = _meaning("name", "名称", "Name")
ROLES: Mapping[Role, RoleSchema] = {
    Role.PARCELS: RoleSchema(
        LocalText(zh="宗地", en="Parcels"),
        (
            _meaning("number", "宗地代码", "Number of the parcel"),
            _meaning(CLASS, "现状地类", "Present class"),
        ),
    ),
    Role.PLANNED_USE: RoleSchema(
        LocalText(zh="规划用途", en="Planned land use"),
        (_meaning(CLASS, "规划地类", "Planned class", required=True), _NAME),
    ),
    Role.FARMLAND: RoleSchema(
        LocalText(zh="永久基本农田", en="Permanent basic farmland"),
        (_NAME,),
    ),
    Role.ECOLOGY: RoleSchema(
        LocalText(zh="生态保护红线", en="Ecological protection red line"),
        (_NAME,),
    ),
    Role.URBAN: RoleSchema(
        LocalText(zh="城镇开发边界", en="Urban development boundary"),
        (_NAME,),
    ),
    Role.PLAN: RoleSchema(
        LocalText(zh="详细规划", en="Detailed plan"),
        (
            _NAME,
            _meaning(CLASS, "规划地类", "Planned class"),
            _meaning("uses", "允许用途（代码，逗号分隔）", "Allowed uses (codes, by commas)"),
            _meaning("height", "建筑限高（米）", "Height limit (m)", _NUMBER),
            _meaning("far", "容积率上限", "Greatest floor-area ratio", _NUMBER),
            _meaning("density", "建筑密度上限（%）", "Greatest building density (%)", _NUMBER),
            _meaning("green", "绿地率下限（%）", "Least green ratio (%)", _NUMBER),
        ),
        ("class", "uses", "height", "far", "density", "green"),
    ),
}


def role_of(text: str) -> Role:
    """The role of that name; raises :class:`Invalid`."""
    try:
        return Role(text)
    except ValueError as error:
        raise Invalid(
            "there is no land role “{role}”",
            field="role",
            mend="use one of {roles}",
            role=text[:40],
            roles=", ".join(Role),
        ) from error


def check_declaration(
    role: Role,
    view: View,
    columns: Mapping[str, str],
    scheme: Scheme,
    values: Mapping[str, str],
) -> None:
    """Raise :class:`Invalid`, naming field and mend, unless the dataset of ``view`` can play the
    role with those columns: it has areas, the columns are there and of a fitting type, and every
    class in it is in the code table (those that are not are listed)."""
    schema = ROLES[role]
    if view.geometry not in _AREAS:
        raise Invalid(
            "a dataset of {geometry} cannot play the role {role}",
            field="dataset",
            mend="name a dataset of polygons",
            geometry=view.geometry.value,
            role=role.value,
        )
    _check_columns(schema, view, columns)
    _check_values(values, scheme)
    for name in (CLASS, "uses"):
        if name in columns:
            _check_codes(name, view.distinct(columns[name], _MOST_VALUES), scheme, values)


def _check_columns(schema: RoleSchema, view: View, columns: Mapping[str, str]) -> None:
    fields = {one.name: one for one in view.fields}
    known = [one.name for one in schema.meanings]
    for name, column in columns.items():
        meaning = schema.meaning(name)
        if meaning is None:
            raise Invalid(
                "this role knows no column “{name}”",
                field=f"columns.{name[:40]}",
                mend="use these: {names}",
                name=name[:40],
                names=", ".join(known) or "—",
            )
        if column not in fields:
            raise Invalid(
                "the dataset has no column “{column}”",
                field=f"columns.{name}",
                mend="use one of {names}",
                column=column[:80],
                names=", ".join(fields) or "—",
            )
        if fields[column].type not in meaning.types:
            raise Invalid(
                "column “{column}” is {type}, and this must be {types}",
                field=f"columns.{name}",
                mend="name another column, or bring the data in again with that type",
                column=column,
                type=fields[column].type.value,
                types=", ".join(sorted(meaning.types)),
            )
    needed = [one.name for one in schema.meanings if one.required and one.name not in columns]
    if needed:
        raise Invalid(
            "this role needs to know which column says “{name}”",
            field=f"columns.{needed[0]}",
            mend="name the column",
            name=needed[0],
        )
    if schema.any_of and not any(name in columns for name in schema.any_of):
        raise Invalid(
            "this role needs at least one of {names}",
            field="columns",
            mend="name the column of one of them",
            names=", ".join(schema.any_of),
        )


def _check_values(values: Mapping[str, str], scheme: Scheme) -> None:
    unknown = sorted({code for code in values.values() if code not in classes(scheme)})
    if unknown:
        raise _not_in_table("values", unknown, scheme)


def _check_codes(
    name: str, found: Sequence[object], scheme: Scheme, values: Mapping[str, str]
) -> None:
    if len(found) >= _MOST_VALUES:
        raise Invalid(
            "the column has more than {most} different values, so it holds no classes",
            field=f"columns.{name}",
            mend="name the column of the classes",
            most=_MOST_VALUES,
        )
    known = classes(scheme)
    said = [str(one) for one in found]
    parts: Iterable[str] = said if name == CLASS else (c for s in said for c in codes_in(s))
    unknown = sorted({one for one in parts if values.get(one, one.strip()) not in known})
    if unknown:
        raise _not_in_table(f"columns.{name}", unknown, scheme)


def _not_in_table(field: str, unknown: Sequence[str], scheme: Scheme) -> Invalid:
    more = len(unknown) - _LISTED
    listed = ", ".join(one[:40] for one in unknown[:_LISTED])
    return Invalid(
        "{count} values are not in the code table {scheme}: {listed}",
        field=field,
        mend="correct them, or say under “values” which class each of them is",
        count=len(unknown),
        scheme=scheme.value,
        listed=f"{listed} …" if more > 0 else listed,
    )


def codes_in(text: str) -> list[str]:
    """Codes listed in a text, with commas, semicolons, slashes or 、 between them."""
    for mark in "，、;；/|":
        text = text.replace(mark, ",")
    return [part.strip() for part in text.split(",") if part.strip()]
