"""Units are UCUM codes where they say so."""

import pytest

from quanyu.kernel import Invalid
from quanyu.streams import printed_unit
from quanyu.streams.documents import draft_of
from quanyu.streams.entities import TYPES


def datastream(definition: str) -> dict[str, object]:
    return {
        "name": "pm25",
        "description": "pm25",
        "observationType": "OM_Measurement",
        "unitOfMeasurement": {"name": "unit", "symbol": "u", "definition": definition},
    }


@pytest.mark.parametrize(
    "definition",
    ["ucum:ug/m3", "ucum:Cel", "ucum:mm[Hg]", "ucum:%", "ucum:W/m2", "http://qudt.org/x", "n/a"],
)
def test_a_unit_of_ucum_is_taken(definition: str) -> None:
    assert draft_of(TYPES["Datastream"], datastream(definition)).raw is not None


@pytest.mark.parametrize("definition", ["ucum:", "ucum:µg/m³", "ucum:celsius", "ucum:ug//m3"])
def test_what_is_no_unit_of_ucum_is_refused(definition: str) -> None:
    with pytest.raises(Invalid, match="no unit of UCUM") as refused:
        draft_of(TYPES["Datastream"], datastream(definition))
    assert refused.value.field == "unitOfMeasurement.definition"


@pytest.mark.parametrize(
    ("symbol", "printed"),
    [("Cel", "°C"), ("ug/m3", "µg/m³"), ("m/s2", "m/s²"), ("hPa", "hPa"), ("°C", "°C"), ("", "")],
)
def test_units_are_printed_as_people_write_them(symbol: str, printed: str) -> None:
    assert printed_unit(symbol) == printed
