"""Algorithms on shapes."""
