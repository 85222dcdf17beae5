"""The columns of a file of things and datastreams, and whether its rows can be taken in."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from quanyu.kernel import Invalid
from quanyu.streams.cadences import check_cadence
from quanyu.streams.units import PREFIX, check_unit

if TYPE_CHECKING:
    import pyarrow as pa

REQUIRED = ("thing", "name", "observed_property", "unit")
TEXTS = (
    *REQUIRED,
    *("thing_name", "thing_description", "datastream", "description", "definition", "sensor"),
)
PLACE = ("lon", "lat")
OF_THING, OF_DATASTREAM = "thing.", "datastream."
"""What columns begin with that are properties of the one or of the other."""
_LONGEST_ID, _LONGEST_TEXT, _LONGEST_SYMBOL = 255, 10_000, 64


def check_columns(names: Sequence[str]) -> None:
    """Raise :class:`Invalid` for a file without a column that is needed, or with an unknown one."""
    for name in REQUIRED:
        if name not in names:
            raise Invalid(
                "the file has no column {name}",
                field="file",
                mend="it needs: {known}",
                name=name,
                known=", ".join(REQUIRED),
            )
    for name in names:
        own = name.startswith((OF_THING, OF_DATASTREAM))
        if name not in {*TEXTS, *PLACE} and not own:
            raise Invalid(
                "the file has a column that is not known: {name}",
                field="file",
                mend="use {known}, or thing.NAME and datastream.NAME for properties",
                name=name[:60],
                known=", ".join((*TEXTS, *PLACE)),
            )
    if f"{OF_DATASTREAM}qartod" in names:
        raise Invalid(
            "tests of quality are not read from a column",
            field=f"{OF_DATASTREAM}qartod",
            mend="declare them by PATCH of a Datastream",
        )
    if len({*PLACE} & {*names}) == 1:
        raise Invalid("a place has two columns", field="file", mend="give lon and lat")


def cleaned(batch: "pa.RecordBatch", before: int) -> "pa.Table":
    """The rows with texts as text and degrees as numbers.

    Raises :class:`Invalid` naming column and row (``before`` rows came before these).
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    found: dict[str, Any] = {}
    for name in batch.schema.names:
        column = batch[name]
        if pa.types.is_nested(column.type):
            raise Invalid("a column holds single values", field=name, mend="write it flat")
        if name in PLACE:
            found[name] = _degrees(column, name, before)
        elif name in TEXTS:
            found[name] = _texts(column, name, before)
        else:
            found[name] = column
    if "lon" in found:
        one_only = pc.xor(pc.is_null(found["lon"]), pc.is_null(found["lat"]))
        _refuse(
            one_only,
            before,
            lambda row: Invalid("row {row} has half of a place", field="lat", row=row),
        )
    for unit in pc.unique(found["unit"]).to_pylist():
        check_unit(f"{PREFIX}{unit}", "unit")
    if f"{OF_DATASTREAM}cadence" in found:
        for said in pc.unique(found[f"{OF_DATASTREAM}cadence"]).to_pylist():
            check_cadence({"cadence": said}, OF_DATASTREAM.rstrip("."))
    return pa.table(found)


def _texts(column: "pa.Array", name: str, before: int) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = column.cast(pa.string())
    if name in REQUIRED:
        missing = pc.or_kleene(pc.is_null(texts), pc.equal(texts, ""))
        _refuse(
            missing, before, lambda row: Invalid("row {row} lacks a value", field=name, row=row)
        )
    most = {"unit": _LONGEST_SYMBOL, "thing": _LONGEST_ID, "datastream": _LONGEST_ID}
    longer = pc.greater(pc.utf8_length(texts), most.get(name, _LONGEST_TEXT))
    _refuse(
        longer,
        before,
        lambda row: Invalid("row {row} has a text that is too long", field=name, row=row),
    )
    if name in {"thing", "datastream"}:
        odd = pc.invert(pc.utf8_is_printable(texts))
        _refuse(
            odd,
            before,
            lambda row: Invalid(
                "row {row} has an id with characters that are not printed", field=name, row=row
            ),
        )
    return texts


def _degrees(column: "pa.Array", name: str, before: int) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        degrees = column.cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Invalid("the column holds what is no number", field=name) from error
    most = 180 if name == "lon" else 90
    outside = pc.invert(pc.less_equal(pc.abs(degrees), most))
    _refuse(
        outside, before, lambda row: Invalid("row {row} has no such degree", field=name, row=row)
    )
    return degrees


def _refuse(wrong: "pa.Array", before: int, error: Callable[[int], Invalid]) -> None:
    """Raise the error of the first row that is wrong."""
    import pyarrow.compute as pc

    row = pc.index(wrong, True).as_py()
    if row >= 0:
        raise error(before + row + 1)
