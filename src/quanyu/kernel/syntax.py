"""Python's own parser, for one thread at a time.

Until Python 3.11.8 the depth of what is parsed is counted for all threads together, so that two
that parse at once can fail with ``SystemError`` (python/cpython#106905). NumPy reads the heads of
its files with it.
"""

from threading import RLock

one_parser = RLock()
"""Held by whoever calls :func:`ast.parse` or :func:`numpy.load`."""
