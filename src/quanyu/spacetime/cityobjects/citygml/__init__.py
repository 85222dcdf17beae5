"""CityGML 2.0 (OGC 12-019) and 3.0 (OGC 20-010, 21-006r2) read as city objects, as a stream."""

from quanyu.spacetime.cityobjects.citygml.read import read_citygml

__all__ = ["read_citygml"]
