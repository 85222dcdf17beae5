"""Outputs of algorithms whose groups are counted by persons."""

from typing import Any

import pyarrow as pa
import pytest

from quanyu.compute import ARROW, check_outputs, read_package
from quanyu.kernel import Invalid

DATA = pa.table(
    {
        "kind": ["a"] * 6 + ["b"] * 6,
        "owner": ["p1", "p2", "p3", "p4", "p5", "p5", *(["p1"] * 5), None],
    }
)


def package(groups: dict[str, Any]) -> Any:
    row = {"type": "object", "properties": {"kind": {"type": "string"}, "n": {"type": "integer"}}}
    schema = {"type": "array", "items": row, "maxItems": 9}
    data = {"schema": {"type": "string", "contentMediaType": ARROW}}
    return read_package(
        {
            "processDescription": {
                "id": "by-kind",
                "title": "By kind",
                "version": "1.0.0",
                "inputs": {"data": data},
                "outputs": {"table": {"schema": schema, "x-quanyu-groups": groups}},
            },
            "executionUnit": {"mediaType": "text/x-python", "value": "def run(data): pass"},
        }
    )


def smallest(rows: list[dict[str, Any]], data: pa.Table, person: str | None, **groups: Any) -> Any:
    checked = check_outputs(package(groups), {"table": rows}, data, 5, person)
    return checked.findings[0].smallest


def test_persons_are_counted_where_a_column_stands_for_them() -> None:
    a, b = {"kind": "a", "n": 6}, {"kind": "b", "n": 6}
    assert smallest([a, b], DATA, None, by=["kind"]) == 6
    assert smallest([a], DATA, "owner", by=["kind"]) == 5
    with pytest.raises(Invalid, match="5 persons") as error:
        smallest([a, b], DATA, "owner", by=["kind"])
    assert error.value.rule == "compute.group"


def test_what_cannot_be_counted_is_not_shown() -> None:
    a = {"kind": "a", "n": 6}
    with pytest.raises(Invalid, match="cannot be counted"):  # the column is hidden
        smallest([a], DATA.drop_columns(["owner"]), "owner", by=["kind"])
    with pytest.raises(Invalid, match="cannot be counted"):  # the algorithm only says so
        smallest([a], DATA, "owner", count="n")
