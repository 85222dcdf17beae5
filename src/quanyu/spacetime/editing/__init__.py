"""Editing single rows: from what a caller sends to a new version, laid over the table."""
