"""Algorithms on networks of lines."""
