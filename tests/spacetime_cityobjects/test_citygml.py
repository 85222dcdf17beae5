"""CityGML of both versions: what real files mean, and what small ones of each kind become."""

import json

import pytest
from city_models import each, meaning

from quanyu.kernel import Invalid

HEAD_2 = (
    '<CityModel xmlns="http://www.opengis.net/citygml/2.0"'
    ' xmlns:bldg="http://www.opengis.net/citygml/building/2.0"'
    ' xmlns:gen="http://www.opengis.net/citygml/generics/2.0"'
    ' xmlns:app="http://www.opengis.net/citygml/appearance/2.0"'
    ' xmlns:veg="http://www.opengis.net/citygml/vegetation/2.0"'
    ' xmlns:grp="http://www.opengis.net/citygml/cityobjectgroup/2.0"'
    ' xmlns:dem="http://www.opengis.net/citygml/relief/2.0"'
    ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:gml="http://www.opengis.net/gml">'
    '<gml:boundedBy><gml:Envelope srsName="urn:ogc:def:crs,crs:EPSG::28992,crs:EPSG::5709">'
    "<gml:lowerCorner>85000 446000 0</gml:lowerCorner></gml:Envelope></gml:boundedBy>"
)


def polygon(places, name=None):
    ring = " ".join(str(v) for place in (*places, places[0]) for v in place)
    ids = f' gml:id="{name}"' if name else ""
    ring_id = f' gml:id="{name}_r"' if name else ""
    return (
        f"<gml:Polygon{ids}><gml:exterior><gml:LinearRing{ring_id}><gml:posList>{ring}</gml:posList>"
        "</gml:LinearRing></gml:exterior></gml:Polygon>"
    )


def box(x, y, z=0.0, size=10.0, name=None):
    """Six named sides of a box."""
    a, b, c, d = (x, y), (x + size, y), (x + size, y + size), (x, y + size)
    low, high = [(*p, z) for p in (a, b, c, d)], [(*p, z + size) for p in (a, b, c, d)]
    sides = [low[::-1], high]
    sides += [[low[i], low[(i + 1) % 4], high[(i + 1) % 4], high[i]] for i in range(4)]
    return [polygon(side, f"{name}{n}" if name else None) for n, side in enumerate(sides)]


def solid(members):
    inside = "".join(f"<gml:surfaceMember>{m}</gml:surfaceMember>" for m in members)
    return (
        "<gml:Solid><gml:exterior><gml:CompositeSurface>"
        f"{inside}</gml:CompositeSurface></gml:exterior></gml:Solid>"
    )


def block(name, sides):
    inside = f"<bldg:lod1Solid>{solid(sides)}</bldg:lod1Solid>"
    return f'<bldg:Building gml:id="{name}">{inside}</bldg:Building>'


def member(text):
    return f"<cityObjectMember>{text}</cityObjectMember>"


def test_lod2_of_version_3(city, real):
    report = city.take(real("citygml/lod2_buildings_v3.gml"))
    assert (report.rows, report.rejects, report.findings) == (100, 0, 0)
    assert report.version.source_crs is not None
    found = city.model()
    house = found["CityObjects"]["FZK_GUID_1F3E679D-E226-4535-926C-7390977FB25A"]
    assert house["attributes"]["storeysAboveGround"] == 5
    assert found["metadata"]["referenceSystem"].startswith("https://www.opengis.net/def/crs-comp")
    assert house["attributes"]["height"]["value"] == 11.0
    (shape,) = house["geometry"]
    assert (shape["type"], shape["lod"], len(shape["boundaries"][0])) == ("Solid", "2", 7)
    kinds = [shape["semantics"]["surfaces"][v]["type"] for v in shape["semantics"]["values"][0]]
    assert kinds == ["GroundSurface", *["WallSurface"] * 4, *["RoofSurface"] * 2]
    again = city.take(found, "again")
    assert again.rejects == 0
    assert meaning(city.model("again")) == meaning(found)


def test_lod3_of_version_2(city, real):
    report = city.take(real("citygml/lod3_building_v2.gml"))
    assert (report.rows, report.rejects) == (2, 0)
    found = city.model()
    house = found["CityObjects"]["UUID_4d4d75e4-83e7-46c1-9c1a-1faee756fcd4"]
    pipe = found["CityObjects"]["UUID_af622c85-1919-41d4-be79-fb628245a081"]
    assert house["children"] == ["UUID_af622c85-1919-41d4-be79-fb628245a081"]
    assert pipe["type"] == "BuildingInstallation"
    assert house["address"][0]["LocalityName"] == "Testtown"
    (shape,) = house["geometry"]
    kinds = [s["type"] for s in shape["semantics"]["surfaces"]]
    assert (kinds.count("Window"), kinds.count("Door")) == (21, 2)
    windows = [s for s in shape["semantics"]["surfaces"] if s["type"] == "Window"]
    walls = {shape["semantics"]["surfaces"][w["parent"]]["type"] for w in windows}
    assert walls == {"WallSurface", "RoofSurface"}
    assert len(shape["boundaries"]) + len(pipe["geometry"][0]["boundaries"]) == 3092
    assert len(found["appearance"]["materials"]) == 35
    images = {texture["image"] for texture in found["appearance"]["textures"]}
    assert "appearances/testtown-004.jpg" in images
    assert meaning(found) == meaning(city.model())


def test_an_invalid_file_is_refused_with_its_object(city, real):
    with pytest.raises(Invalid) as caught:
        city.take(real("citygml/invalid_building_v3.gml"), crs="EPSG:3068")
    said = str(caught.value)
    assert "1F3E679D-E226-4535-926C-7390977FB25A" in said
    assert "gml:id" in said
    assert city.store.datasets() == []


def test_a_model_without_crs_asks_for_one(city):
    text = HEAD_2.replace(' srsName="urn:ogc:def:crs,crs:EPSG::28992,crs:EPSG::5709"', "")
    text += member(block("a", box(0, 0)))
    path = city.file(text + "</CityModel>", "a.gml")
    with pytest.raises(Invalid) as caught:
        city.take(path)
    assert caught.value.field == "crs"
    assert city.take(path, crs="EPSG:28992").rows == 1


def test_links_between_members_parts_and_generic_attributes(city):
    walls = box(85000, 446000, name="w")
    one = (
        '<bldg:Building gml:id="a"><gml:name>甲</gml:name>'
        '<gen:stringAttribute name="owner"><gen:value>Ann</gen:value></gen:stringAttribute>'
        '<gen:intAttribute name="units"><gen:value>4</gen:value></gen:intAttribute>'
        '<gen:measureAttribute name="area"><gen:value uom="m2">99.5</gen:value>'
        "</gen:measureAttribute>"
        '<bldg:measuredHeight uom="m">10.5</bldg:measuredHeight>'
        f"<bldg:lod2Solid>{solid(walls)}</bldg:lod2Solid>"
        '<bldg:consistsOfBuildingPart><bldg:BuildingPart gml:id="p">'
        f"<bldg:lod2Solid>{solid(box(85010, 446000))}</bldg:lod2Solid>"
        "</bldg:BuildingPart></bldg:consistsOfBuildingPart></bldg:Building>"
    )
    other = (
        '<bldg:Building gml:id="b"><bldg:lod2MultiSurface><gml:MultiSurface>'
        '<gml:surfaceMember xlink:href="#w2"/><gml:surfaceMember><gml:OrientableSurface'
        ' orientation="-"><gml:baseSurface xlink:href="#w1"/></gml:OrientableSurface>'
        "</gml:surfaceMember></gml:MultiSurface></bldg:lod2MultiSurface></bldg:Building>"
    )
    broken = '<bldg:Building gml:id="c"><bldg:lod2Solid xlink:href="#nowhere"/></bldg:Building>'
    text = HEAD_2 + member(one) + member(other) + member(broken) + "</CityModel>"
    report = city.take(city.file(text, "a.gml"))
    assert (report.rows, report.rejects) == (3, 1)
    reject = city.told(report.rejects_file)[0]
    assert "object “c”" in reject["reason"]
    assert "nowhere" in reject["reason"]
    found = meaning(city.model())
    assert found["a"]["attributes"] == {"name": "甲", "owner": "Ann", "units": 4, "area": 99.5,
                                        "measuredHeight": 10.5}  # fmt: skip
    assert found["a"]["children"] == ["p"]
    roof = found["a"]["geometry"][0]["boundaries"][0][1][0]
    assert found["b"]["geometry"][0]["boundaries"][1][0] == roof[::-1]


def test_groups_trees_and_terrain(city):
    tree = (
        '<veg:SolitaryVegetationObject gml:id="{0}"><veg:lod2ImplicitRepresentation>'
        "<ImplicitGeometry><transformationMatrix>2 0 0 0 0 2 0 0 0 0 2 0 0 0 0 1"
        "</transformationMatrix>{1}<referencePoint><gml:Point><gml:pos>{2} 446020 3</gml:pos>"
        "</gml:Point></referencePoint></ImplicitGeometry></veg:lod2ImplicitRepresentation>"
        "</veg:SolitaryVegetationObject>"
    )
    crown = solid(box(0, 0, size=1.0)).replace("<gml:Solid>", _SOLID)
    shape = f"<relativeGMLGeometry>{crown}</relativeGMLGeometry>"
    link = '<relativeGMLGeometry xlink:href="#crown"/>'
    group = (
        '<grp:CityObjectGroup gml:id="g"><gml:name>avenue</gml:name>'
        '<grp:groupMember xlink:href="#t1"/><grp:groupMember xlink:href="#t2"/>'
        "</grp:CityObjectGroup>"
    )
    relief = (
        '<dem:ReliefFeature gml:id="r"><dem:lod>1</dem:lod><dem:reliefComponent>'
        '<dem:TINRelief gml:id="tin"><dem:lod>1</dem:lod><dem:tin><gml:TriangulatedSurface>'
        "<gml:trianglePatches><gml:Triangle><gml:exterior><gml:LinearRing><gml:posList>"
        "85000 446000 0 85050 446000 1 85000 446050 2 85000 446000 0</gml:posList>"
        "</gml:LinearRing></gml:exterior></gml:Triangle></gml:trianglePatches>"
        "</gml:TriangulatedSurface></dem:tin></dem:TINRelief></dem:reliefComponent>"
        "</dem:ReliefFeature>"
    )
    text = HEAD_2 + "".join(
        map(
            member, (tree.format("t1", shape, 85000), tree.format("t2", link, 85030), group, relief)
        )
    )
    report = city.take(city.file(text + "</CityModel>", "a.gml"))
    assert (report.rows, report.rejects) == (4, 0)
    found = city.model()
    assert len(found["geometry-templates"]["templates"]) == 1
    assert found["CityObjects"]["g"]["children"] == ["t1", "t2"]
    assert found["CityObjects"]["t1"]["parents"] == ["g"]
    assert found["CityObjects"]["tin"]["type"] == "TINRelief"
    assert found["CityObjects"]["t1"]["geometry"][0]["type"] == "GeometryInstance"
    rows = city.rows()
    assert rows["t1"]["properties"]["height"] == 2.0
    again = city.take(found, "again")
    assert again.rejects == 0
    assert meaning(city.model("again")) == meaning(found)
    seq = city.features()
    assert len(seq[0]["geometry-templates"]["templates"]) == 1
    (tree_line,) = [line for line in seq[1:] if line["id"] == "t1"]
    assert "parents" not in tree_line["CityObjects"]["t1"]


_SOLID = '<gml:Solid gml:id="crown">'


def test_materials_and_textures(city):
    house = (
        '<bldg:Building gml:id="a"><app:appearance><app:Appearance><app:theme>day</app:theme>'
        "<app:surfaceDataMember><app:X3DMaterial><app:diffuseColor>1 0 0</app:diffuseColor>"
        "<app:target>#w1</app:target></app:X3DMaterial></app:surfaceDataMember>"
        "<app:surfaceDataMember><app:ParameterizedTexture><app:imageURI>a.png</app:imageURI>"
        '<app:target uri="#w2"><app:TexCoordList><app:textureCoordinates ring="#w2_r">'
        "0 0 1 0 1 1 0 1 0 0</app:textureCoordinates></app:TexCoordList></app:target>"
        "</app:ParameterizedTexture></app:surfaceDataMember></app:Appearance></app:appearance>"
        f"<bldg:lod2Solid>{solid(box(85000, 446000, name='w'))}</bldg:lod2Solid></bldg:Building>"
    )
    city.take(city.file(HEAD_2 + member(house) + "</CityModel>", "a.gml"))
    found = city.model()
    shape = found["CityObjects"]["a"]["geometry"][0]
    assert shape["material"]["day"]["values"] == [[None, 0, None, None, None, None]]
    assert shape["texture"]["day"]["values"][0][2] == [[0, 0, 1, 2, 3]]
    assert found["appearance"]["materials"][0]["diffuseColor"] == [1.0, 0.0, 0.0]
    assert found["appearance"]["vertices-texture"][2] == [1.0, 1.0]


def test_degrees_with_the_latitude_first(city):
    text = HEAD_2.replace("EPSG::28992,crs:EPSG::5709", "EPSG::4326,crs:EPSG::5773")
    sides = [side.replace("posList>", "posList>") for side in box(0, 0)]
    flat = polygon([(52.0, 4.3, 1.0), (52.0, 4.301, 1.0), (52.001, 4.301, 1.0)])
    house = (
        '<bldg:Building gml:id="a"><bldg:lod0FootPrint><gml:MultiSurface><gml:surfaceMember>'
        f"{flat}</gml:surfaceMember></gml:MultiSurface></bldg:lod0FootPrint></bldg:Building>"
    )
    report = city.take(city.file(text + member(house) + "</CityModel>", "a.gml"))
    assert sides
    assert report.version.bbox == pytest.approx((4.3, 52.0, 4.301, 52.001), abs=1e-6)


@pytest.mark.parametrize("text", [
    '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
    '<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">',
    "<!--" + "x" * 100_000 + '--> <!DOCTYPE x [<!ENTITY b "b">]>',
    '<?xml version="1.0"?>\n<!-- a --><!DOCTYPE x [<!ENTITY b "b">]>',
])  # fmt: skip
def test_document_types_are_refused(city, text):
    body = '<CityModel xmlns="http://www.opengis.net/citygml/2.0">&b;</CityModel>'
    with pytest.raises(Invalid, match="document type"):
        city.take(city.file(text + body, "a.gml"))


def test_a_cut_file_keeps_what_came_before(city):
    houses = [
        member(f'<bldg:Building gml:id="h{n}"><bldg:lod1Solid>{solid(box(85000 + 20 * n, 446000))}'
               "</bldg:lod1Solid></bldg:Building>")
        for n in range(5)
    ]  # fmt: skip
    text = HEAD_2 + "".join(houses)
    report = city.take(city.file(text[:-300], "a.gml"))
    assert (report.rows, report.rejects) == (4, 1)
    assert "cut off" in city.told(report.rejects_file)[0]["reason"]


def test_links_in_a_ring_end(city):
    ring = (
        '<bldg:Building gml:id="a"><bldg:lod2MultiSurface><gml:MultiSurface gml:id="m">'
        '<gml:surfaceMember xlink:href="#m"/></gml:MultiSurface></bldg:lod2MultiSurface>'
        "</bldg:Building>"
    )
    good = block("b", box(85000, 446000))
    report = city.take(city.file(HEAD_2 + member(ring) + member(good) + "</CityModel>", "a.gml"))
    assert (report.rows, report.rejects) == (1, 1)
    assert "link to themselves" in city.told(report.rejects_file)[0]["reason"]


def test_lod4_with_rooms(city):
    room = (
        '<bldg:Building gml:id="a"><bldg:interiorRoom><bldg:Room gml:id="r"><bldg:lod4Solid>'
        f"{solid(box(85000, 446000))}</bldg:lod4Solid></bldg:Room></bldg:interiorRoom>"
        "</bldg:Building>"
    )
    city.take(city.file(HEAD_2 + member(room) + "</CityModel>", "a.gml"))
    found = city.model()["CityObjects"]
    assert found["r"]["type"] == "BuildingRoom"
    assert found["a"]["children"] == ["r"]
    assert list(each(found, "lod")) == ["4"]
    assert json.dumps(found)
