"""Another town like that of the web's tests, which these tests add to and change."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "web"))
sys.path.insert(0, str(Path(__file__).parent))

from town_fixtures import anybody, consumer, provider, stranger, town

__all__ = ["anybody", "consumer", "provider", "stranger", "town"]
