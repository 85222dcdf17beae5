"""Analyses of ground and roofs: sight, sun, water, sections. Pure functions of arrays."""
