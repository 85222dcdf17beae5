"""Terrain: the height of the ground as meshes and pictures, drawn from imagery when asked for."""
