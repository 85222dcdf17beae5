"""Flows: lines grouped by where they begin and end come as lines from place to place."""

from town import EAST, NORTH, SOUTH, WEST, Town, bring_in, collection, put_on_show

from quanyu import app as composition
from quanyu.catalogue import Access


def test_flows_are_drawn_from_origin_to_destination(town: Town) -> None:
    there, back = [[WEST, SOUTH], [EAST, NORTH]], [[EAST, NORTH], [WEST, SOUTH]]
    trips = collection(
        {
            "type": "Feature",
            "id": f"trip{number}",
            "geometry": {"type": "LineString", "coordinates": line},
            "properties": {"name": f"Trip {number}"},
        }
        for number, line in enumerate([there, there, there, back])
    )
    control = town.control()
    store = composition.open_store(town.settings, control)
    version = bring_in(store, town.folder, "trips", trips)
    with control.begin() as session:
        put_on_show(session, version, Access.OPEN, town.callers["provider"])
    store.close()
    control.close()
    asked = {"by": "origin:cell:h3:7,destination:cell:h3:7", "f": "geojson"}
    with town.client() as client:
        answer = client.get("/ogc/features/collections/trips/statistics", params=asked)
    features = answer.json()["features"]
    assert {one["geometry"]["type"] for one in features} == {"LineString"}
    assert sorted(one["properties"]["count"] for one in features) == [1, 3]
    for one in features:
        (begin, _), (end, _) = one["geometry"]["coordinates"]
        assert (begin < end) == (one["properties"]["count"] == 3)
