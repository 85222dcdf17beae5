"""The town of :mod:`town`, served by real worker processes; nobody adds to it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from town_fixtures import anybody, consumer, provider, stranger, town

__all__ = ["anybody", "consumer", "provider", "stranger", "town"]
