"""IFC 2x3, 4 and 4.3 (ISO 16739-1) read as city objects, by way of ifcopenshell."""

from quanyu.spacetime.cityobjects.ifc.read import read_ifc

__all__ = ["read_ifc"]
